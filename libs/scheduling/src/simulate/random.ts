/** Chance that is passed in, so that the same seed gives the same simulation. */
export interface Random {
  /** From 0 to below 1, in steps of 2^-32. */
  next(): number;
}

/** @param seed  an integer; its low 32 bits count */
export function seededRandom(seed: number): Random {
  let mixing = seed | 0;
  // splitmix32 makes a state without zeros in a row out of any seed.
  const word = (): number => {
    mixing = (mixing + 0x9e3779b9) | 0;
    let mixed = Math.imul(mixing ^ (mixing >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
  const words = xoshiro128([word(), word(), word(), word()]);
  return { next: () => words() / 2 ** 32 };
}

/**
 * xoshiro128**: small, fast, and without visible patterns in 32 bits; no use for secrets.
 *
 * @param state  four words, not all 0
 * @returns a function that gives the next unsigned word
 * @see Blackman & Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47 (2021)
 */
export function xoshiro128(state: readonly [number, number, number, number]): () => number {
  let [a, b, c, d] = state;
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));
