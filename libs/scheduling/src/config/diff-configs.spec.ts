import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SchedulingConfig } from '#libs/contracts';
import { type Change, diffConfigs } from './diff-configs.js';

const gpu = (nominal: number) => ({ a100: { gpuMilli: { nominal } } });
const configOf = (value: unknown): SchedulingConfig => SchedulingConfig.parse(value);

describe('what differs', () => {
  it('is told by name, down to the setting, with both values', () => {
    const before = configOf({ queues: [{ name: 'a', quota: gpu(1) }, { name: 'b' }] });
    const after = configOf({
      queues: [
        { name: 'c', weight: 2 },
        { name: 'a', quota: gpu(2), caps: { perUser: { gpuMilli: 5 } }, cohort: 'x' },
      ],
    });
    expect(diffConfigs(before, after)).toEqual([
      { kind: 'added', path: 'queues.a.caps.perUser', after: { gpuMilli: 5 } },
      { kind: 'changed', path: 'queues.a.cohort', before: null, after: 'x' },
      { kind: 'changed', path: 'queues.a.quota.a100.gpuMilli.nominal', before: 1, after: 2 },
      { kind: 'removed', path: 'queues.b', before: before.queues[1] },
      { kind: 'added', path: 'queues.c', after: after.queues[0] },
    ]);
  });

  it('matches pools by environment and flavor', () => {
    const pools = [
      { environment: 'python3', flavor: 'a', max: 3 },
      { environment: 'python3', flavor: 'b', max: 3 },
    ];
    const after = configOf({ pools: [pools[1], { ...pools[0], max: 4 }] });
    expect(diffConfigs(configOf({ pools }), after)).toEqual([
      { kind: 'changed', path: 'pools.python3.a.max', before: 3, after: 4 },
    ]);
  });

  const arbitraryConfig = fc
    .record({
      queues: fc.uniqueArray(
        fc.record({
          name: fc.constantFrom('a', 'b', 'c', 'd'),
          weight: fc.integer({ min: 1, max: 3 }),
          quota: fc.dictionary(
            fc.constantFrom('f', 'g'),
            fc.record({ gpuMilli: fc.record({ nominal: fc.integer({ min: 0, max: 2 }) }) }, { requiredKeys: [] }),
          ),
        }),
        { selector: ({ name }) => name },
      ),
      pools: fc.uniqueArray(
        fc.record({ environment: fc.constantFrom('x', 'y'), flavor: fc.constantFrom('f', 'g'), max: fc.nat(2) }),
        { selector: ({ environment, flavor }) => `${environment} ${flavor}` },
      ),
      policies: fc.record({ backfillDepth: fc.integer({ min: 1, max: 3 }) }),
    })
    .map(configOf);

  /** Every setting by its path, worked out apart from the code under test; an empty group counts as a setting. */
  function settings(value: unknown, path: string, into = new Map<string, unknown>()): Map<string, unknown> {
    const inside = (key: string) => (path === '' ? key : `${path}.${key}`);
    if (typeof value !== 'object' || value === null) return into.set(path, value);
    if (Object.keys(value).length === 0 && path !== '') return into.set(path, '(empty)');
    for (const [key, member] of Object.entries(value)) {
      const { name, environment, flavor } = (member ?? {}) as { name?: string; environment?: string; flavor?: string };
      settings(member, inside(Array.isArray(value) ? (name ?? `${environment}.${flavor}`) : key), into);
    }
    return into;
  }

  /** Empty groups come and go with what is in them. */
  const filled = (all: Map<string, unknown>) => Object.fromEntries([...all].filter(([, value]) => value !== '(empty)'));

  function applied(before: SchedulingConfig, changes: readonly Change[]): Map<string, unknown> {
    const all = settings(before, '');
    for (const change of changes) {
      for (const path of all.keys()) {
        if (path === change.path || path.startsWith(`${change.path}.`)) all.delete(path);
      }
      if (change.kind !== 'removed') settings(change.after, change.path, all);
    }
    return all;
  }

  it('makes the one of the other, and is nothing between equal ones', () =>
    fc.assert(
      fc.property(arbitraryConfig, arbitraryConfig, (before, after) => {
        expect(filled(applied(before, diffConfigs(before, after)))).toEqual(filled(settings(after, '')));
        expect(diffConfigs(before, configOf(structuredClone(before)))).toEqual([]);
      }),
    ));

  it('is mirrored the other way round', () =>
    fc.assert(
      fc.property(arbitraryConfig, arbitraryConfig, (before, after) => {
        const mirrored = diffConfigs(after, before).map((change): Change => {
          if (change.kind === 'added') return { kind: 'removed', path: change.path, before: change.after };
          if (change.kind === 'removed') return { kind: 'added', path: change.path, after: change.before };
          return { ...change, before: change.after, after: change.before };
        });
        expect(mirrored).toEqual(diffConfigs(before, after));
      }),
    ));
});
