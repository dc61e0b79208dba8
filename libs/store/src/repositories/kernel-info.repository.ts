import type { Kysely } from 'kysely';
import { type Kernel, KernelInfo } from '#libs/contracts';
import type { Schema } from '../schema.js';

/** What kernels answer to kernel_info, by how they are made: a new version of an environment is a new row. */
export class KernelInfoRepository {
  constructor(private readonly db: Kysely<Schema>) {}

  async find(environment: string): Promise<KernelInfo | undefined> {
    const found = this.db.selectFrom('kernel_infos').select('info').where('environment', '=', environment);
    const row = await found.executeTakeFirst();
    return row && KernelInfo.parse(JSON.parse(row.info));
  }

  async save(environment: string, info: KernelInfo): Promise<void> {
    const row = { environment, info: JSON.stringify(info) };
    await this.db
      .insertInto('kernel_infos')
      .values(row)
      .onConflict((conflict) => conflict.column('environment').doUpdateSet(row))
      .execute();
  }
}

/** Key of a kernel's environment and its version: the kernelspec and the command that makes the kernel. */
export const environmentOf = ({ kernelspec, launch }: Pick<Kernel, 'kernelspec' | 'launch'>): string =>
  JSON.stringify([kernelspec, launch.command]);
