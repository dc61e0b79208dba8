import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** ASN.1 tags. @see ITU-T X.690 */
const TAG = {
  integer: 0x02,
  bits: 0x03,
  oid: 0x06,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
  explicit0: 0xa0,
};
const ECDSA_WITH_SHA256 = der(TAG.sequence, der(TAG.oid, Buffer.from('2a8648ce3d040302', 'hex')));
const COMMON_NAME = der(TAG.oid, Buffer.from('550403', 'hex'));
/** Of version 3. */
const VERSION = der(TAG.explicit0, der(TAG.integer, Buffer.of(2)));
/** It lives as long as its pod, whose node's clock may be off by as much as it likes. @see RFC 5280, section 4.1.2.5 */
const ALWAYS = der(TAG.sequence, time('19700101000000Z'), time('99991231235959Z'));

/**
 * A new P-256 key and its self-signed certificate, which both sides of a connection show and trust: so each proves that
 * it has the key. Node makes keys but no certificates.
 *
 * @param name  of whom it is, for people who look at it
 * @returns both as PEM
 */
export function selfSigned(name: string): { certificate: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = der(TAG.sequence, der(TAG.set, der(TAG.sequence, COMMON_NAME, der(TAG.utf8, Buffer.from(name)))));
  // Positive, and without a leading zero byte.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const own = publicKey.export({ type: 'spki', format: 'der' });
  const body = der(TAG.sequence, VERSION, der(TAG.integer, serial), ECDSA_WITH_SHA256, subject, ALWAYS, subject, own);
  const signature = sign('sha256', body, privateKey);
  const whole = der(TAG.sequence, body, ECDSA_WITH_SHA256, der(TAG.bits, Buffer.of(0), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    certificate: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function time(text: string): Buffer {
  return der(TAG.time, Buffer.from(text));
}

/** Tag, length and contents of one value. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), body]);
}
