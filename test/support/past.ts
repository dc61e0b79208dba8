import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Beamgate } from './beamgate.js';
import { temporaryFolder } from './gateway.js';
import { createKernel, endKernel, inPhase } from './v1.js';

/** A data folder of a service whose kernels held their places for so many minutes each: one real row, told anew. */
export async function dataWithPast(minutes: readonly number[]): Promise<string> {
  const data = temporaryFolder('data');
  const beamgate = await Beamgate.start({ data });
  const { id } = await createKernel(beamgate);
  await inPhase(beamgate, id, 'ready');
  await endKernel(beamgate, id);
  await inPhase(beamgate, id, 'ended');
  await beamgate.stop();
  const database = new DatabaseSync(join(data, 'beamgate.sqlite'));
  const row = database.prepare('select * from kernels where id = ?').get(id) as Record<string, number | string>;
  const names = Object.keys(row);
  const add = database.prepare(`insert into kernels (${names}) values (${names.map((name) => `:${name}`)})`);
  for (const [index, held] of minutes.entries()) {
    const admitted_at = Number(row['ended_at']) - held * 60_000;
    const copy = { ...row, id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`, admitted_at };
    add.run(Object.fromEntries(Object.entries(copy).map(([name, value]) => [`:${name}`, value])));
  }
  database.close();
  return data;
}
