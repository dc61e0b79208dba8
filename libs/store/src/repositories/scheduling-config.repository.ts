import type { Kysely } from 'kysely';
import { AuditRow, SchedulingDocument } from '#libs/contracts';
import type { Schema } from '../schema.js';

/** A version of the configuration of scheduling, and how it came about. */
export type SchedulingVersion = SchedulingDocument & AuditRow;

/** Versions are only ever added: a second one of the same number fails. */
export class SchedulingConfigRepository {
  constructor(private readonly db: Kysely<Schema>) {}

  async latest(): Promise<SchedulingDocument | null> {
    const all = this.db.selectFrom('scheduling_config').select(['version', 'config']);
    const row = await all.orderBy('version', 'desc').limit(1).executeTakeFirst();
    return row ? SchedulingDocument.parse({ version: row.version, config: JSON.parse(row.config) }) : null;
  }

  /** Newest first. */
  async audit(limit: number): Promise<AuditRow[]> {
    const all = this.db.selectFrom('scheduling_config').select(['version', 'at', 'actor', 'action', 'changes']);
    const rows = await all.orderBy('version', 'desc').limit(limit).execute();
    return rows.map((row) => AuditRow.parse({ ...row, at: Number(row.at), changes: JSON.parse(row.changes) }));
  }

  async add({ version, config, at, actor, action, changes }: SchedulingVersion): Promise<void> {
    const row = { version, at, actor, action, changes: JSON.stringify(changes), config: JSON.stringify(config) };
    await this.db.insertInto('scheduling_config').values(row).execute();
  }
}
