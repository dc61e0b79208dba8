import { readFileSync } from 'node:fs';
import type { Config } from '../config.schema.js';

/** Of `tls.connect`; each connection reads the files. */
export interface TlsFiles {
  ca?: string[];
  cert?: string[];
  key?: string[];
}

/**
 * Mutual TLS by files, for clients that keep their options and connect many times: node looks into the arrays with each
 * connection, and finds there what the files hold by then. So rotated certificates are used, and a file that can't be
 * read fails the connection, which says its name.
 *
 * @returns nothing where no file is named
 */
export function givenTls({ ca, certificate, key }: Config['bus']['tls']): { tls?: TlsFiles } {
  if (ca === '' && certificate === '') return {};
  const tls = {
    ...(ca === '' ? {} : { ca: contents(ca) }),
    ...(certificate === '' ? {} : { cert: contents(certificate), key: contents(key) }),
  };
  return { tls };
}

function contents(path: string): string[] {
  return Object.defineProperty<string[]>([], 0, { get: () => readFileSync(path, 'utf8'), enumerable: true });
}
