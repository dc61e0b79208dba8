import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AesSeal } from './aes-seal.js';

const folder = mkdtempSync(join(tmpdir(), 'beamgate-seal-'));
const [one, two] = [randomBytes(32).toString('base64'), randomBytes(32).toString('hex')];
const sealOf = (...lines: string[]): AesSeal => {
  const path = join(folder, 'key');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return AesSeal.fromFile(path);
};

it('gives back what it sealed, and hides it', () => {
  const seal = sealOf(one);
  const text = '{"token": "sécret"}';
  const sealed = seal.close(text);
  expect(sealed).toMatch(/^sealed\.1\.[\w-]+$/);
  expect(Buffer.from(sealed.slice(9), 'base64url').toString()).not.toContain('token');
  expect(seal.close(text)).not.toBe(sealed);
  expect(seal.open(sealed)).toBe(text);
});

it('gives text as it is that was written before there was a key', () => expect(sealOf(one).open('{}')).toBe('{}'));

it('opens what an earlier key sealed, as long as that is kept', () => {
  const sealed = sealOf(one).close('text');
  expect(sealOf(two, one).open(sealed)).toBe('text');
  expect(() => sealOf(two).open(sealed)).toThrow('a key that `sealingKeyFile` does not hold');
});

it('refuses what was changed', () => {
  const seal = sealOf(one);
  const bytes = Buffer.from(seal.close('text').slice(9), 'base64url');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  expect(() => seal.open(`sealed.1.${bytes.toString('base64url')}`)).toThrow();
});

it.each([
  ['', 'holds no key'],
  ['short', 'no key of 32 bytes'],
])('refuses a file with %j', (line, message) => {
  expect(() => sealOf(line)).toThrow(message);
});
