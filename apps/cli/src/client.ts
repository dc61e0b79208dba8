import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ProblemDocument } from '#libs/contracts';

export interface Connection {
  url?: string;
  token?: string;
  data: string;
}

export const defaultDataFolder = (xdgDataHome: string | undefined): string =>
  join(xdgDataHome ?? join(homedir(), '.local/share'), 'beamgate');

/** Where the service is and who we are: as given, else what the service left in its data folder. */
function resolve({ url, token, data }: Connection): { url: string; token: string } {
  if (url && token) return { url, token };
  try {
    const service = JSON.parse(readFileSync(join(data, 'service.json'), 'utf8')) as { url: string; token: string };
    return { url: url ?? service.url, token: token ?? service.token };
  } catch {
    throw new Error(`No running Beamgate found in ${data}; name one by --url and --token.`);
  }
}

/** One call of the REST interface. @throws Error with the problem's detail */
export async function call<T>(
  connection: Connection,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<T> {
  return (await exchange<T>(connection, method, path, body, headers)).body;
}

/** What is there, and the ETag of its version. */
export const read = <T>(connection: Connection, path: string): Promise<{ body: T; etag: string }> =>
  exchange<T>(connection, 'GET', path);

/** Passes on what a call answers, however long it is. @throws Error with the problem's detail; also where it is cut off */
export async function download(connection: Connection, path: string, into: NodeJS.WritableStream): Promise<void> {
  const response = await ask(connection, 'GET', path);
  if (!response.ok) throw new Error(describe(response.status, await response.text()));
  if (response.body) await pipeline(response.body, into, { end: false });
}

async function exchange<T>(
  connection: Connection,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ body: T; etag: string }> {
  const response = await ask(connection, method, path, body, headers);
  const text = await response.text();
  if (!response.ok) throw new Error(describe(response.status, text));
  return { body: (text === '' ? undefined : JSON.parse(text)) as T, etag: response.headers.get('etag') ?? '*' };
}

function ask(
  connection: Connection,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const { url, token } = resolve(connection);
  return fetch(new URL(path, url.endsWith('/') ? url : `${url}/`), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: Error) => {
    throw new Error(`${url} does not answer: ${(error.cause as Error | undefined)?.message ?? error.message}`);
  });
}

function describe(status: number, text: string): string {
  try {
    const problem = JSON.parse(text) as ProblemDocument;
    const fields = (problem.errors ?? []).map(({ field, message }) => `\n  ${field}: ${message}`).join('');
    return `${problem.detail}${fields}`;
  } catch {
    return `HTTP ${status}: ${text.slice(0, 200)}`;
  }
}
