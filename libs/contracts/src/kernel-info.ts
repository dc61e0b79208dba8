import { z } from 'zod';

/** Text that a kernel gave and others will see: short, without control characters. */
const Word = z
  .string()
  .max(200)
  .regex(/^\P{Cc}*$/u);

/**
 * What kernels of one environment say of themselves, for those who wait for another one. It came from a kernel in which
 * its owner's start-up files had run, so only plain words are taken: no banner, no links.
 * @see https://jupyter-client.readthedocs.io/en/stable/messaging.html#kernel-info
 */
export const KernelInfo = z.object({
  protocol_version: Word,
  implementation: Word,
  implementation_version: Word,
  language_info: z.object({
    name: Word,
    version: Word.default(''),
    mimetype: Word.default(''),
    file_extension: Word.default(''),
    pygments_lexer: Word.optional(),
    codemirror_mode: z.union([Word, z.object({ name: Word, version: z.number().optional() })]).optional(),
    nbconvert_exporter: Word.optional(),
  }),
  debugger: z.boolean().optional(),
  supported_features: z.array(Word).max(50).optional(),
});
export type KernelInfo = z.infer<typeof KernelInfo>;
