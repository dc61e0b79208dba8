import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { KernelId } from '#libs/contracts';
import type { ReadinessCheck } from '#libs/platform';
import { DatabaseAway, type KernelReader } from '#libs/store';

/** Whether the store can be read, and if not, why: here and, once for each reason, in the log. Clients are not told. */
export function storeCheck(kernels: KernelReader): ReadinessCheck {
  const nobody = KernelId.parse(randomUUID());
  const log = new Logger('Store');
  let told: string | undefined;
  return async () => {
    try {
      await kernels.find(nobody);
      told = undefined;
    } catch (error) {
      const { message } =
        error instanceof DatabaseAway && error.cause instanceof Error ? error.cause : (error as Error);
      const sentence = `The store can’t be read: ${message}`;
      if (told !== sentence) log.warn(sentence);
      told = sentence;
      throw new Error(sentence, { cause: error });
    }
  };
}
