import type { Kysely, Selectable } from 'kysely';
import { Kernel, type KernelId, type KernelInfo, KernelScheduling, Resources } from '#libs/contracts';
import { type Seal, unsealed } from '#libs/domain';
import type { KernelReader } from '../readers.js';
import type { KernelTable, Schema } from '../schema.js';
import type { Admission } from '../store.js';
import { environmentOf, KernelInfoRepository } from './kernel-info.repository.js';
import { upsert } from './upsert.js';

export class KernelRepository implements KernelReader {
  constructor(
    private readonly db: Kysely<Schema>,
    /** For what a kernel is started with and reached by. */
    private readonly seal: Seal = unsealed,
  ) {}

  async find(id: KernelId): Promise<Kernel | undefined> {
    const row = await this.db.selectFrom('kernels').selectAll().where('id', '=', id).executeTakeFirst();
    return row && kernelOf(row, this.seal);
  }

  async listVisible(user: string, endedAfter: number): Promise<Kernel[]> {
    const rows = await this.#since(endedAfter)
      .where((e) => e.or([e('owner', '=', user), e('actor', '=', user)]))
      .execute();
    return rows.map((row) => kernelOf(row, this.seal));
  }

  async listAll(endedAfter: number): Promise<Kernel[]> {
    return (await this.#since(endedAfter).execute()).map((row) => kernelOf(row, this.seal));
  }

  async living(): Promise<Kernel[]> {
    const living = this.db.selectFrom('kernels').selectAll().where('ended_at', 'is', null);
    const rows = await living.orderBy('submitted_at').orderBy('id').execute();
    return rows.map((row) => kernelOf(row, this.seal));
  }

  infoFor(kernel: Pick<Kernel, 'kernelspec' | 'launch'>): Promise<KernelInfo | undefined> {
    return new KernelInfoRepository(this.db).find(environmentOf(kernel));
  }

  /** How long those that ended last held their places, milliseconds, newest first; launches that failed left out. */
  async heldTimes(limit: number): Promise<number[]> {
    const rows = await this.db
      .selectFrom('kernels')
      .select(['admitted_at', 'ended_at'])
      .where('ended_at', 'is not', null)
      .where('admitted_at', 'is not', null)
      .where('ready_at', 'is not', null)
      .orderBy('ended_at', 'desc')
      .limit(limit)
      .execute();
    return rows.map(({ admitted_at: from, ended_at: to }) => Number(to) - Number(from));
  }

  /** From `since` on, newest first; after the last one of a page goes on before it. */
  async admissions(since: number, before: { at: number; id: string } | null, limit: number): Promise<Admission[]> {
    let rows = this.db
      .selectFrom('kernels')
      .select(['id', 'project', 'requests', 'scheduling', 'admitted_at'])
      .where('admitted_at', '>=', since);
    if (before)
      rows = rows
        .where('admitted_at', '<=', before.at)
        .where((e) =>
          e.or([e('admitted_at', '<', before.at), e.and([e('admitted_at', '=', before.at), e('id', '<', before.id)])]),
        );
    const page = await rows.orderBy('admitted_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
    return page.map(({ id, project, requests, scheduling, admitted_at: at }) => ({
      ...{ id, project, at: Number(at) },
      requests: Resources.parse(JSON.parse(requests)),
      scheduling: KernelScheduling.parse(JSON.parse(scheduling)),
    }));
  }

  /** From admission to readiness, milliseconds, of the kernels that were submitted last, newest first. */
  async startTimes(limit: number): Promise<{ kernelspec: string; ms: number }[]> {
    const rows = await this.db
      .selectFrom('kernels')
      .select(['kernelspec', 'admitted_at', 'ready_at'])
      .where('admitted_at', 'is not', null)
      .where('ready_at', 'is not', null)
      .orderBy('submitted_at', 'desc')
      .limit(limit)
      .execute();
    return rows.map(({ kernelspec, admitted_at: from, ready_at: to }) => ({
      kernelspec,
      ms: Number(to) - Number(from),
    }));
  }

  async save(kernels: readonly Kernel[]): Promise<void> {
    const rows = kernels.map((kernel) => rowOf(kernel, this.seal));
    await upsert(this.db, 'kernels', 'id', rows);
  }

  /** The oldest. @returns their ids */
  async removeEnded(before: number, limit: number): Promise<KernelId[]> {
    const old = this.db.selectFrom('kernels').select('id').where('ended_at', '<', before);
    const rows = await this.db
      .deleteFrom('kernels')
      .where('id', 'in', old.orderBy('ended_at').limit(limit))
      .returning('id')
      .execute();
    return rows.map(({ id }) => id as KernelId);
  }

  #since(endedAfter: number) {
    return this.db
      .selectFrom('kernels')
      .selectAll()
      .where((e) => e.or([e('ended_at', 'is', null), e('ended_at', '>=', endedAfter)]))
      .orderBy('submitted_at')
      .orderBy('id');
  }
}

function rowOf(kernel: Kernel, seal: Seal): KernelTable {
  return {
    id: kernel.id,
    revision: kernel.revision,
    owner: kernel.owner,
    actor: kernel.actor,
    token_id: kernel.tokenId,
    kernelspec: kernel.kernelspec,
    project: kernel.project,
    instrument: kernel.instrument,
    priority_class: kernel.priorityClass,
    requests: JSON.stringify(kernel.requests),
    launch: seal.close(JSON.stringify(kernel.launch)),
    culling: JSON.stringify(kernel.culling),
    scheduling: JSON.stringify(kernel.scheduling),
    phase: kernel.phase,
    end_reason: kernel.endReason,
    detail: kernel.detail,
    execution_state: kernel.executionState,
    incarnation: kernel.incarnation,
    submitted_at: kernel.submittedAt,
    admitted_at: kernel.admittedAt,
    ready_at: kernel.readyAt,
    ended_at: kernel.endedAt,
    last_activity_at: kernel.lastActivityAt,
    ending: kernel.ending && JSON.stringify(kernel.ending),
    endpoint: kernel.endpoint && seal.close(JSON.stringify(kernel.endpoint)),
  };
}

function kernelOf(row: Selectable<KernelTable>, seal: Seal): Kernel {
  return Kernel.parse({
    id: row.id,
    revision: row.revision,
    owner: row.owner,
    actor: row.actor,
    tokenId: row.token_id,
    kernelspec: row.kernelspec,
    project: row.project,
    instrument: row.instrument,
    priorityClass: row.priority_class,
    requests: JSON.parse(row.requests),
    launch: JSON.parse(seal.open(row.launch)),
    culling: JSON.parse(row.culling),
    scheduling: JSON.parse(row.scheduling),
    phase: row.phase,
    endReason: row.end_reason,
    detail: row.detail,
    executionState: row.execution_state,
    incarnation: row.incarnation,
    submittedAt: row.submitted_at,
    admittedAt: row.admitted_at,
    readyAt: row.ready_at,
    endedAt: row.ended_at,
    lastActivityAt: row.last_activity_at,
    ending: row.ending === null ? null : JSON.parse(row.ending),
    endpoint: row.endpoint === null ? null : JSON.parse(seal.open(row.endpoint)),
  });
}
