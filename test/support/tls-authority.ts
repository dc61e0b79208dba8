import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './gateway.js';

/** Who has a certificate: the files, as settings name them, and what they hold, for `tls.connect`. */
export interface TlsParty {
  files: { ca: string; certificate: string; key: string };
  options: { ca: string; cert: string; key: string };
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];

/** A certificate authority of a test, by openssl, in a temporary folder. */
export class TlsAuthority {
  readonly folder = temporaryFolder('ca');
  readonly certificate = join(this.folder, 'ca.crt');

  constructor() {
    const way = [...KEY, '-keyout', this.#path('ca.key'), '-out', this.certificate];
    openssl('req', '-x509', ...way, '-subj', '/CN=authority of a test', '-addext', 'keyUsage=critical,keyCertSign');
  }

  /**
   * @param name     its common name
   * @param address  subject alternative name, as openssl writes it
   */
  party(name: string, address = 'IP:127.0.0.1'): TlsParty {
    const [certificate, key] = [this.#path(`${name}.crt`), this.#path(`${name}.key`)];
    const signed = ['-CA', this.certificate, '-CAkey', this.#path('ca.key')];
    const way = [...KEY, '-keyout', key, '-out', certificate];
    const about = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${address}`];
    const use = ['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'keyUsage=critical,digitalSignature'];
    openssl('req', '-x509', ...signed, ...way, ...about, ...use);
    const read = (path: string): string => readFileSync(path, 'utf8');
    return {
      files: { ca: this.certificate, certificate, key },
      options: { ca: read(this.certificate), cert: read(certificate), key: read(key) },
    };
  }

  /** As a rotation does it: other files under the names of `party`. */
  static replace(party: TlsParty, by: TlsParty): void {
    copyFileSync(by.files.certificate, party.files.certificate);
    copyFileSync(by.files.key, party.files.key);
  }

  #path(name: string): string {
    return join(this.folder, name);
  }
}

function openssl(...args: string[]): void {
  const { status, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`openssl ${args[0]} failed:\n${stderr}`);
}
