import type { Kysely } from 'kysely';
import { type Kernel, KernelInfo } from '#libs/contracts';
import type { Schema } from '../schema.js';
import type { Batch } from '../store.js';
import { upsert } from './upsert.js';

/** What kernels answer to kernel_info, by how they are made: a new version of an environment is a new row. */
export class KernelInfoRepository {
  constructor(private readonly db: Kysely<Schema>) {}

  async find(environment: string): Promise<KernelInfo | undefined> {
    const found = this.db.selectFrom('kernel_infos').select('info').where('environment', '=', environment);
    const row = await found.executeTakeFirst();
    return row && KernelInfo.parse(JSON.parse(row.info));
  }

  async save(infos: Batch['kernelInfos']): Promise<void> {
    const rows = infos.map(({ of, info }) => ({ environment: environmentOf(of), info: JSON.stringify(info) }));
    await upsert(this.db, 'kernel_infos', 'environment', rows);
  }
}

/** Key of a kernel's environment and its version: the kernelspec and the command that makes the kernel. */
export const environmentOf = ({ kernelspec, launch }: Pick<Kernel, 'kernelspec' | 'launch'>): string =>
  JSON.stringify([kernelspec, launch.command]);
