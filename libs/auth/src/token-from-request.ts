import { Unauthenticated } from '#libs/contracts';

/** What identity is read from: an HTTP request or a WebSocket upgrade. */
export interface RequestLike {
  headers: { authorization?: string | undefined; host?: string | undefined; origin?: string | undefined };
  url?: string | undefined;
}

const fromQuery = (url: string | undefined): string | undefined => {
  const query = url?.split('?', 2)[1];
  return query === undefined ? undefined : new URLSearchParams(query).get('token')?.trim();
};

const password = (credentials: string): string => {
  const text = Buffer.from(credentials, 'base64').toString('utf8');
  return text.includes(':') ? text.slice(text.indexOf(':') + 1) : '';
};

/**
 * The token of a request, or undefined where it carries none. `?token=` wins, as in Enterprise Gateway. Notebook servers
 * send `Authorization: token ` with nothing behind it when they have none, `None <token>` when their scheme is unset, and
 * Basic (the password is the token) when they have a user name too.
 *
 * @throws Unauthenticated where the header's form is not one of these
 */
export const tokenFromRequest = ({ headers, url }: RequestLike): string | undefined => {
  const header = headers.authorization?.trim() ?? '';
  const [scheme = '', credentials = ''] = header.split(/\s+(.*)/s);
  const query = fromQuery(url);
  if (query) return query;
  switch (scheme.toLowerCase()) {
    case '':
      return undefined;
    case 'token':
    case 'bearer':
    case 'none':
      return credentials || undefined;
    case 'basic':
      return password(credentials) || undefined;
    default:
      throw new Unauthenticated('The Authorization header is malformed: use `Bearer TOKEN`.');
  }
};
