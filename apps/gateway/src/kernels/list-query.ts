import { z } from 'zod';

/** `?all=true`: everybody's kernels. `token` is read elsewhere. */
export const ListQuery = z.object({
  all: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true'),
});
export type ListQuery = z.infer<typeof ListQuery>;
