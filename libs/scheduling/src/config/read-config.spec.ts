import { describe, expect, it } from '@jest/globals';
import { halfLifeSecondsOf } from './half-life.js';
import { type ReadConfig, readConfig } from './read-config.js';

const lines = (read: ReadConfig): string[] =>
  'faults' in read ? read.faults.map(({ path, message }) => `${path}: ${message}`) : [];
const flavors = [{ name: 'a100', kind: 'gpu', model: 'A100-40' }];

describe('a configuration', () => {
  it('may be empty: four classes, and policies that say what they hold', () => {
    for (const empty of [{}, null, undefined]) {
      const read = readConfig(empty);
      if ('faults' in read) throw new Error(lines(read).join('\n'));
      const ranks = read.config.classes.map(({ name, rank, evict }) => [name, rank, evict]);
      expect(ranks).toEqual([
        ['live', 900, 'never'],
        ['interactive', 700, 'reclaim'],
        ['batch', 500, 'requeue'],
        ['scavenge', 100, 'requeue'],
      ]);
      expect(read.config.policies).toMatchObject({ backfillDepth: 1, graceSeconds: 120 });
    }
  });

  it('may have classes of its own, and half-lives for some', () => {
    const read = readConfig({
      classes: [
        { name: 'live', rank: 900 },
        { name: 'night', rank: 300 },
      ],
      policies: { halfLifeSeconds: { night: 3_600 } },
    });
    if ('faults' in read) throw new Error(lines(read).join('\n'));
    const { policies } = read.config;
    const found = ['live', 'interactive', 'batch', 'night'].map((name) =>
      halfLifeSecondsOf(policies.halfLifeSeconds, name),
    );
    expect(found).toEqual([86_400, 86_400, 604_800, 3_600]);
  });

  it('is told all faults of form at once, by names, and where they stand', () => {
    const read = readConfig({
      flavors: [{ ...flavors[0], sharing: 'half' }],
      queues: [
        { name: 'gpu-a', quota: { a100: { gpuMilli: { nominal: 1.5 } } } },
        { name: 'gpu-b', colour: 'red', weight: 0, state: 'shut' },
      ],
      pools: [{ environment: 'python3', flavor: 'a100', target: 1 }],
      reservations: [{ name: 'r', start: 'tomorrow', end: '2026-01-01T00:00:00Z', amounts: {}, owner: { queue: 'q' } }],
    });
    expect('faults' in read && read.faults.map(({ path }) => path).sort()).toEqual([
      'flavors.a100.sharing',
      'pools.python3.a100.target',
      'queues.gpu-a.quota.a100.gpuMilli.nominal',
      'queues.gpu-b.colour',
      'queues.gpu-b.state',
      'queues.gpu-b.weight',
      'reservations.r.start',
    ]);
    expect(lines(read)).toContain('flavors.a100.sharing: is one of whole, mps, slice, mig:PROFILE');
    expect(lines(read)).toContain('queues.gpu-b.colour: there is no such setting');
    const colour = 'faults' in read ? read.faults.find(({ path }) => path === 'queues.gpu-b.colour') : undefined;
    expect(colour?.at).toEqual(['queues', 1, 'colour']);
  });

  it('is told everything else that is wrong at once, in words', () => {
    const gpuMilli = (nominal: number, borrowLimit?: number, lendLimit?: number) => ({
      quota: { a100: { gpuMilli: { nominal, borrowLimit, lendLimit } } },
    });
    const read = readConfig(
      {
        flavors: [...flavors, { name: 'mig', kind: 'gpu', model: 'H200', sharing: 'mig:1g.5gb' }],
        cohorts: [{ name: 'a' }, { name: 'b', parent: 'a' }],
        queues: [
          { name: 'one', cohort: 'b', ...gpuMilli(1_000, 3_001) },
          { name: 'two', cohort: 'a', ...gpuMilli(4_000, 1_000, 3_000) },
          { name: 'alone', ...gpuMilli(1_000, 500) },
          { name: 'three', ...gpuMilli(-1) },
        ],
        reservations: ['r', 's'].map((name, index) => ({
          name,
          start: `2026-01-0${1 + index}T00:00:00+01:00`,
          end: '2026-01-09T00:00:00Z',
          amounts: { a100: { gpuMilli: 2_500 } },
          owner: { queue: 'one' },
        })),
        pools: [{ environment: 'python3', flavor: 'a100', min: 3, max: 2 }],
      },
      { a100: { gpuMilli: 4_000 } },
    );
    expect(lines(read)).toEqual([
      'flavors.mig.sharing: H200 has no 1g.5gb; it has 1g.18gb, 1g.35gb, 2g.35gb, 3g.71gb, 4g.71gb, 7g.141gb',
      'queues.three.quota.a100.gpuMilli.nominal: -1 is below 0',
      'queues.one.quota.a100.gpuMilli.borrowLimit: borrows 3001, the others lend 3000',
      'queues.alone.quota.a100.gpuMilli.borrowLimit: borrows 500, but is in no cohort',
      'reservations.s.amounts.a100.gpuMilli: 2500 of 1500 that are free then',
      'pools.python3.a100.min: 3 is above max, 2',
    ]);
  });

  it('may have reservations one after the other, of all there is', () => {
    const reservation = (name: string, start: string, end: string) => ({
      name,
      start: `2026-01-01T${start}:00Z`,
      end: `2026-01-01T${end}:00Z`,
      amounts: { a100: { gpuMilli: 4_000 } },
      owner: { queue: 'q' },
    });
    const reservations = [reservation('b', '10:00', '12:00'), reservation('a', '08:00', '10:00')];
    const value = { flavors, queues: [{ name: 'q' }], reservations };
    expect(lines(readConfig(value, { a100: { gpuMilli: 4_000 } }))).toEqual([]);
    expect(lines(readConfig(value, {}))).toHaveLength(2);
    expect(lines(readConfig(value))).toEqual([]);
    const wrong = (...several: object[]) =>
      lines(readConfig({ ...value, reservations: several }, { a100: { gpuMilli: 4_000 } }));
    expect(wrong(...reservations.toReversed())).toEqual([]);
    const over = ['reservations.c.amounts.a100.gpuMilli: 4000 of 0 that are free then'];
    // One that is still there when another begins, one that ends while another runs, one that is in the middle of it.
    expect(wrong(reservation('a', '08:00', '10:00'), reservation('c', '07:00', '09:00'))).toEqual(over);
    expect(wrong(reservation('a', '08:00', '10:00'), reservation('c', '09:00', '11:00'))).toEqual(over);
    expect(wrong(reservation('a', '08:00', '10:00'), reservation('c', '07:00', '12:00'))).toEqual(over);
  });

  it('is told a ring of cohorts once, and a second one too', () => {
    const parents = { d: 'a', a: 'b', b: 'c', c: 'a', e: 'e' };
    const cohorts = Object.entries(parents).map(([name, parent]) => ({ name, parent }));
    expect(lines(readConfig({ cohorts }))).toEqual([
      "cohorts.a.parent: a cohort can't be above itself: a -> b -> c -> a",
      "cohorts.e.parent: a cohort can't be above itself: e -> e",
    ]);
  });

  it('is no list and no text', () => {
    for (const value of [[], 'queues', 3]) expect(lines(readConfig(value))).toHaveLength(1);
  });
});
