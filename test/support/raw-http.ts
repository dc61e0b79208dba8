import { type IncomingHttpHeaders, request } from 'node:http';
import type { Gateway } from './gateway.js';

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** Parsed, where it is JSON. */
  body: Record<string, unknown>;
}

export interface RawRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Null: none. Absent: the gateway's own. */
  token?: string | null;
}

const parsed = (text: string): Record<string, unknown> => {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
};

/** A request whose path goes out letter for letter: fetch would tidy it up. An upgrade that is granted is a 101. */
export function raw(gateway: Pick<Gateway, 'url' | 'token'>, path: string, asked: RawRequest = {}): Promise<RawAnswer> {
  const { hostname, port } = new URL(gateway.url);
  const token = asked.token === undefined ? gateway.token : asked.token;
  const headers = { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...asked.headers };
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method: asked.method ?? 'GET', headers, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, body: parsed(text) }),
      );
      answer.on('error', reject);
    });
    sent.on('upgrade', (answer, socket) => {
      socket.destroy();
      resolve({ status: 101, headers: answer.headers, text: '', body: {} });
    });
    sent.on('error', reject);
    sent.end(asked.body);
  });
}

/** The upgrade to a kernel's channels, by hand: how it is refused can be read. */
export const upgrade = (
  gateway: Pick<Gateway, 'url' | 'token'>,
  path: string,
  { headers, ...asked }: RawRequest = {},
): Promise<RawAnswer> =>
  raw(gateway, path, {
    ...asked,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    },
  });

export const post = (
  gateway: Pick<Gateway, 'url' | 'token'>,
  path: string,
  body: unknown,
  asked: RawRequest = {},
): Promise<RawAnswer> => raw(gateway, path, { method: 'POST', body: JSON.stringify(body), ...asked });
