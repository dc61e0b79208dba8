/** JSON Web Tokens, wherever they stand. */
const JWT = /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;
const QUERY = /([?&]token=)[^&\s"'\\]+/gi;
const HEADER = /\b((?:bearer|basic|authorization\W{1,6}token)\s+)[\w.~+/=-]{8,}/gi;
const FIELD = /("(?:authorization|cookie|token|\w+Token)":)"(?:[^"\\]|\\.)*"/gi;

/** A text without the tokens in it: query parameters, Authorization headers, JSON fields that hold one, bare JWTs. */
export const redactSecrets = (text: string): string =>
  text
    .replace(FIELD, '$1"[redacted]"')
    .replace(QUERY, '$1[redacted]')
    .replace(JWT, '[redacted]')
    .replace(HEADER, '$1[redacted]');
