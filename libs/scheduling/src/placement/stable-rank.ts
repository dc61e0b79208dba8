/**
 * A node's place in the order of filling, in [0, 1): a hash of its name, so that it is the same for ever, whatever other
 * nodes come and go, and blind to size. FNV-1a over UTF-16 units, stirred by the end of MurmurHash3.
 */
export function stableRank(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
