const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * The members of a JSON object as the raw bytes of their values, so that a value passes on as it was written: numbers
 * beyond 2⁵³ stay exact. The last of equal keys wins, as in JSON.parse.
 *
 * @param text  one JSON object; must be valid (parse it first), else the result means nothing
 */
export function jsonMembers(text: Buffer): Map<string, Buffer> {
  const members = new Map<string, Buffer>();
  let at = text.indexOf(OPEN_BRACE) + 1;
  for (;;) {
    const keyStart = text.indexOf(QUOTE, at);
    if (keyStart < 0) return members;
    const keyEnd = endOfString(text, keyStart);
    const start = text.indexOf(COLON, keyEnd) + 1;
    const end = endOfValue(text, start);
    members.set(JSON.parse(text.toString('utf8', keyStart, keyEnd)) as string, trimmed(text, start, end));
    if (text[end] !== COMMA) return members;
    at = end + 1;
  }
}

/** Index after the closing quote of the string that opens at `start`. */
function endOfString(text: Buffer, start: number): number {
  let quote = text.indexOf(QUOTE, start + 1);
  while (quote > 0) {
    let slashes = 0;
    while (text[quote - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    quote = text.indexOf(QUOTE, quote + 1);
  }
  return text.length;
}

/** Index of the comma or brace that ends the value which starts at `start`. */
function endOfValue(text: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const byte = text[at];
    if (byte === QUOTE) at = endOfString(text, at) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return at;
      depth -= 1;
    } else if (byte === COMMA && depth === 0) return at;
  }
  return text.length;
}

function trimmed(text: Buffer, start: number, end: number): Buffer {
  let from = start;
  let to = end;
  while (from < to && isSpace(text[from])) from += 1;
  while (to > from && isSpace(text[to - 1])) to -= 1;
  return text.subarray(from, to);
}
