/** SQLSTATEs of a server that does not do its work now: shutdown, crash, start-up, too many connections, too slow. */
const STATES = /^(08...|57P0[1-3]|53300|25P03|57014)$/;
const SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** Of TLS, on either side: the way to the server is barred until certificates are mended. @see `man 1 openssl-verify` */
const TLS =
  /^(ERR_(SSL|TLS|OSSL)_\w+|CERT_\w+|CRL_\w+|UNABLE_TO_\w+|(DEPTH_ZERO_)?SELF_SIGNED_CERT\w*|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH)$/;
/** Our own files of certificates. */
const FILES = new Set(['ENOENT', 'EACCES']);
/** What pg says without a code: of sockets that closed, of its own time limits, of a client that is used after that. */
const WORDS = /connection terminated|timeout expired|timeout exceeded|read timeout|not queryable|has been discarded/i;

/** Whether the error is about the server, or the way to it, and not about the statement. */
export function isConnectionLoss(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message, errors } = error as { code?: unknown; message?: unknown; errors?: unknown };
  if (typeof code === 'string') return SYSTEM.has(code) || STATES.test(code) || TLS.test(code) || FILES.has(code);
  // Several addresses were tried.
  if (Array.isArray(errors)) return errors.length > 0 && errors.every(isConnectionLoss);
  return WORDS.test(String(message));
}
