import type { Kysely } from 'kysely';
import type { Schema } from '../schema.js';

const ROWS = 128;

/**
 * Writes rows, replacing those of the same key; of two with one key the later. A commit of many rows takes few round
 * trips, and few texts of statements, so that they stay prepared.
 */
export async function upsert<R extends object>(
  db: Kysely<Schema>,
  table: keyof Schema,
  key: string & keyof R,
  rows: readonly R[],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const latest = [...new Map(rows.map((row) => [row[key], row])).values()];
  const columns = Object.keys(first).filter((column) => column !== key);
  for (const values of statementsOf(latest)) {
    await db
      .insertInto(table)
      .values(values as never)
      .onConflict((conflict) =>
        conflict
          .column(key as never)
          .doUpdateSet(
            (e) => Object.fromEntries(columns.map((column) => [column, e.ref(`excluded.${column}` as never)])) as never,
          ),
      )
      .execute();
  }
}

/** Cuts a list into lengths of 128, 64, … 1: any length in few pieces, and eight lengths in all. */
export function* statementsOf<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let from = 0, length = ROWS; from < rows.length; ) {
    if (rows.length - from < length) length /= 2;
    else {
      yield rows.slice(from, from + length);
      from += length;
    }
  }
}
