/** Keeps text from who reads a disk or a queue without being us. */
export interface Seal {
  close(text: string): string;
  /** Text that was never sealed is given as it is. @throws Error where its key is not ours */
  open(text: string): string;
}

/** Begins what is sealed. */
export const SEALED = 'sealed.1.';

/** Seals nothing. */
export const unsealed: Seal = {
  close: (text) => text,
  open: (text) => {
    if (text.startsWith(SEALED)) throw new Error('This is sealed, and `sealingKeyFile` is not set.');
    return text;
  },
};
