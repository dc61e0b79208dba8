import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** As `Seal` of libs/domain has it; named here again, since this library stands below that. */
const SEALED = 'sealed.1.';
const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NAME_BYTES = 4;

interface Key {
  /** Says which key a text was sealed with. */
  name: Buffer;
  secret: Buffer;
}

/**
 * AES-256-GCM with a random nonce: `sealed.1.` and then, in base64url, 4 bytes that name the key, the nonce, the tag and
 * the text. One key is good for some 2^32 texts.
 */
export class AesSeal {
  readonly #keys: readonly [Key, ...Key[]];

  private constructor(keys: readonly [Key, ...Key[]]) {
    this.#keys = keys;
  }

  /**
   * Reads keys, one a line: 32 bytes in base64 or hex. The first seals; all open, so that a key can be replaced.
   *
   * @throws Error with the file's name where a line is no key
   */
  static fromFile(path: string): AesSeal {
    const lines = readFileSync(path, 'utf8').split(/\s+/).filter(Boolean);
    const [first, ...rest] = lines.map((line) => keyOf(line, path));
    if (first === undefined) throw new Error(`sealingKeyFile: ${path} holds no key`);
    return new AesSeal([first, ...rest]);
  }

  close(text: string): string {
    const [{ name, secret }] = this.#keys;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, secret, nonce);
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return SEALED + Buffer.concat([name, nonce, cipher.getAuthTag(), body]).toString('base64url');
  }

  /** @throws Error where it was sealed with another key, or changed since */
  open(text: string): string {
    if (!text.startsWith(SEALED)) return text;
    const bytes = Buffer.from(text.slice(SEALED.length), 'base64url');
    const [name, rest] = [bytes.subarray(0, NAME_BYTES), bytes.subarray(NAME_BYTES)];
    const key = this.#keys.find((one) => one.name.equals(name));
    if (key === undefined) throw new Error('This was sealed with a key that `sealingKeyFile` does not hold.');
    const decipher = createDecipheriv(ALGORITHM, key.secret, rest.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(rest.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    const body = rest.subarray(NONCE_BYTES + TAG_BYTES);
    return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
  }
}

function keyOf(line: string, path: string): Key {
  const secret = Buffer.from(line, /^[0-9a-f]{64}$/i.test(line) ? 'hex' : 'base64');
  if (secret.length !== KEY_BYTES) throw new Error(`sealingKeyFile: ${path} holds a line that is no key of 32 bytes`);
  return { name: createHash('sha256').update(secret).digest().subarray(0, NAME_BYTES), secret };
}
