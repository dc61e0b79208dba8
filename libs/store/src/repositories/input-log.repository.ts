import type { Kysely } from 'kysely';
import type { InputLogReader, LoggedInput } from '../readers.js';
import type { Schema } from '../schema.js';
import type { CoreInput } from '../store.js';

const PAGE = 200;

/**
 * What the core was given, step by step. Once in a while a row has the state before its step, too: what is kept begins with
 * such a row, so that all of it can be replayed. There may be a hundredth more rows than the bound.
 */
export class InputLogRepository implements InputLogReader {
  constructor(
    private readonly db: Kysely<Schema>,
    private readonly bound = 100_000,
  ) {}

  async add(epoch: number, { at, events, origin }: CoreInput): Promise<void> {
    const { seq } = await this.db
      .insertInto('input_log')
      .values({ epoch, at, events: JSON.stringify(events), origin: origin ?? null })
      .returning('seq')
      .executeTakeFirstOrThrow();
    // What is older is looked for now and then: it is one more question to the database.
    if (seq % Math.ceil(this.bound / 100) !== 0) return;
    await this.db
      .deleteFrom('input_log')
      .where('seq', '<', this.#newestOrigin().where('seq', '<=', seq - this.bound + 1))
      .execute();
  }

  async removeOld(before: number, limit: number): Promise<number> {
    const old = this.db.selectFrom('input_log').select('seq');
    const left = this.#newestOrigin().where('at', '<', before);
    const { numDeletedRows } = await this.db
      .deleteFrom('input_log')
      .where('seq', 'in', old.where('seq', '<', left).orderBy('seq').limit(limit))
      .executeTakeFirst();
    return Number(numDeletedRows);
  }

  async *rows(from: number, to: number): AsyncIterable<LoggedInput> {
    let after = await this.#before(from);
    for (;;) {
      const page = await this.db
        .selectFrom('input_log')
        .selectAll()
        .where('seq', '>', after)
        .where('at', '<', to)
        .orderBy('seq')
        .limit(PAGE)
        .execute();
      for (const { seq, epoch, at, events, origin } of page) {
        after = Number(seq);
        yield {
          ...{ seq: after, epoch: Number(epoch), at: Number(at), events: JSON.parse(events) as unknown[] },
          origin: origin === null ? null : (JSON.parse(origin) as unknown),
        };
      }
      if (page.length < PAGE) return;
    }
  }

  /** What is read begins after that one. */
  async #before(from: number): Promise<number> {
    const newest = await this.#newestOrigin().where('at', '<=', from).executeTakeFirst();
    const oldest = this.db.selectFrom('input_log').where('origin', 'is not', null);
    const first = newest?.seq ?? (await oldest.select(({ fn }) => fn.min('seq').as('seq')).executeTakeFirst())?.seq;
    return first == null ? Number.MAX_SAFE_INTEGER : Number(first) - 1;
  }

  #newestOrigin() {
    return this.db
      .selectFrom('input_log')
      .select(({ fn }) => fn.max('seq').as('seq'))
      .where('origin', 'is not', null);
  }
}
