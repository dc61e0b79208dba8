import { describe } from '@jest/globals';
import { isShared } from './shared-data.js';

/** A suite that is reported as skipped, by name, where a shared file that it needs is absent. */
export const describeWithData = (name: string, files: readonly string[], suite: () => void): void =>
  (files.every(isShared) ? describe : describe.skip)(name, suite);
