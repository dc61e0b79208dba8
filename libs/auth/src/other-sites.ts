import { Forbidden } from '#libs/contracts';
import type { RequestLike } from './token-from-request.js';

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

const hostOf = (origin: string): string => (URL.canParse(origin) ? new URL(origin).host : '');

/**
 * Where every caller is trusted, a page of another site must not be: in a browser on this machine it reaches loopback
 * addresses too, and by a name of its own once that resolves to one. Programs send no Origin and the address as Host.
 *
 * @throws Forbidden for such a request
 */
export const refuseOtherSites = ({ headers: { host, origin } }: RequestLike): void => {
  if (host !== undefined && !LOOPBACK_HOST.test(host))
    throw new Forbidden('Without tokens only requests to a loopback address as Host are served.');
  if (origin !== undefined && hostOf(origin) !== host)
    throw new Forbidden('Without tokens no requests from pages of another origin are served.');
};
