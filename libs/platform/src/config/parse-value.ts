import type { ConfigKey } from './config-keys.js';

const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

const boolean = (text: string): boolean => {
  const word = text.trim().toLowerCase();
  if (TRUE.has(word)) return true;
  if (FALSE.has(word)) return false;
  throw new TypeError(`\`${text}\` is not a boolean`);
};

const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new TypeError(`\`${text}\` is not a number`);
  return value;
};

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new TypeError('not valid JSON');
  }
};

/** `a, b` or `["a", "b"]`. */
export const commaList = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/**
 * Reads the text of a flag or variable as a value of that key; ranges are left to the schema.
 * @throws TypeError with what is wrong, in words
 */
export const parseValue = (key: ConfigKey, text: string): unknown => {
  switch (key.kind) {
    case 'boolean':
      return boolean(text);
    case 'integer':
    case 'number':
      return number(text);
    case 'list':
      return text.trim().startsWith('[') ? json(text) : commaList(text);
    case 'json':
      return json(text);
    default:
      return text;
  }
};
