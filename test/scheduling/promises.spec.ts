import { jest } from '@jest/globals';
import fc from 'fast-check';
import { fullCore } from '#libs/scheduling';
import { arbitraryScene } from './core-scenes.js';
import { Play, play } from './play.js';

const { State, dryRun, snapshot } = fullCore;

const RUNS = process.env['BEAMGATE_FULL'] === '1' ? 100_000 : 1_000;
// Nothing is timed: the long run takes up to two hours for a property.
jest.setTimeout(8 * 3_600_000);
const holds = <T>(scenes: fc.Arbitrary<T>, check: (scene: T) => void): void =>
  fc.assert(fc.property(scenes, check), { numRuns: RUNS });

const cap = { nominal: 100_000, borrowLimit: 0, lendLimit: null };
const quotas = { t4: { gpuMilli: cap, cpuMilli: cap } };
const queue = (name: string, more: Partial<fullCore.QueueConfig> = {}): fullCore.QueueConfig => ({
  ...{ name, parent: null, weight: 1, quotas, state: 'open', caps: {} },
  ...more,
});
const often = { minRuntimeMs: 0, leaseMs: 1_000, idleMs: 50, halfLifeMs: 6_400, maxWaitMs: null } as const;
const classes: fullCore.ClassConfig[] = [
  { ...often, name: 'live', rank: 900, evict: 'never' },
  { ...often, name: 'interactive', rank: 700, evict: 'reclaim' },
  { ...often, name: 'batch', rank: 500, evict: 'requeue' },
  { ...often, name: 'scavenge', rank: 100, evict: 'requeue' },
];
const config = (changes: Partial<fullCore.CoreConfig> = {}): fullCore.CoreConfig => ({
  ...{ flavors: ['t4'], cohorts: [], queues: [queue('a')], classes, reservations: [], pools: [] },
  ...{ protectedHeads: 1, graceMs: 20, evictedPerMinute: {} },
  ...changes,
});
const node = (id: string, devices: number): fullCore.CoreEvent => ({
  ...{ kind: 'node-added', flavor: 't4' },
  node: { id, cpuMilli: 64_000, memoryBytes: 0, gpu: { model: 'T4', devices: Array(devices).fill('share') } },
});
const workload = (id: string, more: Partial<fullCore.CoreWorkload>): fullCore.CoreWorkload => ({
  ...{ id, queue: 'a', user: 'ann', project: null, instrument: null, class: 'batch', offset: 0, flavors: ['t4'] },
  ...{ request: { cpuMilli: 100, memoryBytes: 0, gpuCount: 1, gpuMilli: 1_000 }, environment: null, wallMs: 100 },
  ...{ submittedAt: 0, evictions: 0 },
  ...more,
});
const submitted = (one: fullCore.CoreWorkload): fullCore.CoreEvent => ({ kind: 'submitted', workload: one });
const whole = (gpuCount: number) => ({ cpuMilli: 100, memoryBytes: 0, gpuCount, gpuMilli: 1_000 });

/** Those of one instant are in the order of their ids. */
const idOf = (at: number): string => `j${`${at}`.padStart(2, '0')}`;
/** Jobs of one queue, in the order in which they come. */
const jobs = fc.array(
  fc.record({
    gpus: fc.integer({ min: 1, max: 4 }),
    wallMs: fc.integer({ min: 1, max: 300 }),
    early: fc.nat(300),
    gapMs: fc.nat(60),
  }),
  { minLength: 3, maxLength: 25 },
);

describe('what the core promises', () => {
  it('I5: starts a head no later than it was first promised, whatever ends early', () =>
    holds(jobs, (all) => {
      const state = new State(config({ classes: classes.map((one) => ({ ...one, maxWaitMs: 0 })) }), 0);
      const promised = new Map<string, number>();
      const ends = new Map<string, number>();
      const run = new Map(all.map(({ wallMs, early }, at) => [idOf(at), Math.max(1, wallMs - early)]));
      const world = new Play(state, ({ result, now }) => {
        for (const action of result.actions) {
          if (action.kind !== 'start') continue;
          expect(now).toBeLessThanOrEqual(promised.get(action.id) ?? Infinity);
          ends.set(action.id, now + (run.get(action.id) ?? 1));
        }
        for (const { promised: heads } of state.pools.values())
          for (const { id, at, firm } of heads) if (firm && !promised.has(id)) promised.set(id, at);
      });
      // One node: what is free in sum is free on it.
      world.tell([node('n', 4)]);
      let now = 0;
      const passTo = (time: number): void => {
        for (;;) {
          const at = Math.min(...ends.values());
          if (at > time) break;
          // What ends at one instant is told at once: one that is told later has overrun.
          const over = [...ends].filter(([, end]) => end === at).map(([id]) => id);
          for (const id of over) ends.delete(id);
          world.now = at;
          world.tell(over.map((id) => ({ kind: 'released', id })));
        }
        world.now = time;
      };
      for (const [at, { gpus, wallMs, gapMs }] of all.entries()) {
        passTo(now);
        world.tell([submitted(workload(idOf(at), { request: whole(gpus), wallMs, submittedAt: now }))]);
        now += gapMs;
      }
      passTo(1_000_000);
      expect(state.waiting.size).toBe(0);
    }));

  it('I6: comes to rest once nothing comes any more: evictions are finite', () =>
    holds(arbitraryScene, (scene) => {
      let evictions = 0;
      const count = ({ result }: { result: fullCore.CoreStep }): void => {
        evictions += result.actions.filter(({ kind }) => kind === 'evict').length;
      };
      const world = play(scene, count);
      const workloads = world.state.running.size + world.state.waiting.size;
      const before = evictions;
      // Leases are renewed, reservations pass, ranks are raised: all of that has happened by then.
      for (let steps = 0; steps < 400 && world.next < 10_000; steps += 1) world.until(Math.min(world.next, 10_000));
      expect(evictions - before).toBeLessThanOrEqual(workloads * classes.length * 2);
      const settled = evictions;
      world.until(Math.min(world.now + 5_000, 12_000));
      expect(evictions - settled).toBeLessThanOrEqual(workloads);
    }));

  const mixed = fc.array(
    fc.record({
      name: fc.constantFrom('interactive', 'batch', 'scavenge', 'live'),
      gpus: fc.integer({ min: 1, max: 3 }),
      idle: fc.boolean(),
    }),
    { minLength: 4, maxLength: 14 },
  );

  it('I7: leaves nobody waiting for longer than the grace while one of lower rank holds a place that is enough', () =>
    holds(mixed, (all) => {
      // A protected head would be a reason to leave a lower one where it is.
      const state = new State(config({ protectedHeads: 0 }), 0);
      const world = new Play(state, () => undefined);
      world.tell([node('n', 4)]);
      for (const [at, { name, gpus, idle }] of all.entries()) {
        const one = workload(`w${at}`, { class: name, request: whole(gpus), wallMs: null, submittedAt: world.now });
        world.tell([submitted(one)]);
        if (idle && state.running.has(one.id)) world.tell([{ kind: 'idle', id: one.id, since: world.now }]);
        world.until(world.now + 10);
      }
      // Each that goes makes way for one; as often as there are workloads.
      world.until(world.now + 50 + 25 * all.length);
      for (const waiting of state.waiting.workloads()) {
        const rank = state.classOf(waiting)?.rank ?? 0;
        for (const { workload: holder, amounts } of state.running.values()) {
          const its = state.classOf(holder);
          const lower = its?.evict === 'requeue' && its.rank < rank;
          const enough = (amounts[0] as number) >= waiting.request.gpuCount * 1_000;
          expect({ waiting, holder, lower: lower && enough }).toMatchObject({ lower: false });
        }
      }
    }));

  it('I8: evicts nobody but for one that starts on the place, or whose wait is over', () =>
    holds(mixed, (all) => {
      const wanted = new Map<string, string>();
      const gone = new Set<string>();
      const state = new State(config(), 0);
      const world = new Play(state, ({ events, result }) => {
        for (const event of events) if (event.kind === 'released' && wanted.has(event.id)) gone.add(event.id);
        for (const action of result.actions) {
          if (action.kind === 'evict') wanted.set(action.id, action.for);
          else if (action.kind === 'spare') wanted.delete(action.id);
          else if (action.kind === 'start')
            for (const [victim, evictor] of wanted) if (evictor === action.id) wanted.delete(victim);
        }
      });
      world.tell([node('n', 4)]);
      for (const [at, { name, gpus }] of all.entries()) {
        world.tell([
          submitted(workload(`w${at}`, { class: name, request: whole(gpus), wallMs: null, submittedAt: world.now })),
        ]);
        world.until(world.now + 10);
      }
      world.until(world.now + 50 + 25 * all.length);
      // Nobody left the line, so whoever gave a place up gave it to somebody who has started.
      expect([...wanted].filter(([victim]) => gone.has(victim))).toEqual([]);
    }));

  it('I9: has reserved capacity free when its time begins', () =>
    holds(
      fc.record({ all: mixed, from: fc.integer({ min: 60, max: 400 }), gpus: fc.integer({ min: 1, max: 4 }) }),
      ({ all, from, gpus }) => {
        const amounts = { gpuMilli: gpus * 1_000, cpuMilli: 0, memoryBytes: 0 };
        const reservation = {
          id: 'r',
          flavor: 't4',
          amounts,
          owner: { user: 'eve' },
          from,
          to: 9_000,
          leadMs: 40,
          graceMs: 8_000,
        };
        const state = new State(config({ reservations: [reservation] }), 0);
        const world = new Play(state, () => undefined);
        world.tell([node('n', 4)]);
        for (const [at, { name, gpus: asked, idle }] of all.entries()) {
          // What runs on without an end, and can't be evicted, was there first: it is not started before a reservation.
          const one = workload(`w${at}`, {
            class: name === 'live' ? 'batch' : name,
            request: whole(asked),
            wallMs: idle ? null : 300,
          });
          world.tell([submitted({ ...one, submittedAt: world.now })]);
          world.until(world.now + 10);
        }
        world.until(Math.max(world.now, from));
        // Who ends by itself at its wall limit does so.
        for (const running of [...state.running.values()])
          if (running.workload.wallMs !== null && running.until <= world.now)
            world.tell([{ kind: 'released', id: running.workload.id }]);
        const held = [...state.running.values()].reduce((sum, one) => sum + (one.amounts[0] as number), 0);
        expect(4_000 - held).toBeGreaterThanOrEqual(gpus * 1_000);
      },
    ));

  it('I10: gives two queues that are owed the same, and always have work, the same', () =>
    holds(
      fc.record({ gpus: fc.integer({ min: 1, max: 2 }), wallMs: fc.integer({ min: 50, max: 400 }), lead: fc.nat(30) }),
      ({ gpus, wallMs, lead }) => {
        const state = new State(config({ queues: [queue('a'), queue('b')] }), 0);
        const had = new Map([
          ['a', 0],
          ['b', 0],
        ]);
        const ends: { at: number; id: string }[] = [];
        const world = new Play(state, ({ result, now }) => {
          for (const action of result.actions) {
            if (action.kind !== 'start') continue;
            const { queue: name } = state.running.get(action.id)?.workload ?? { queue: 'a' };
            had.set(name, (had.get(name) ?? 0) + gpus * wallMs);
            ends.push({ at: now + wallMs, id: action.id });
          }
        });
        world.tell([node('n', 4)]);
        let count = 0;
        const submit = (name: string): fullCore.CoreEvent => {
          count += 1;
          const id = `w${String(count).padStart(6, '0')}`;
          return submitted(
            workload(id, { queue: name, user: `${name}-user`, request: whole(gpus), wallMs, submittedAt: world.now }),
          );
        };
        // One of them comes first, with a flood.
        world.tell(Array.from({ length: lead + 8 }, () => submit('a')));
        world.tell(Array.from({ length: 8 }, () => submit('b')));
        const until = 2 * 6_400 + 4 * wallMs;
        while (world.now < until) {
          ends.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
          const next = ends.shift();
          if (!next) break;
          world.now = next.at;
          world.tell([{ kind: 'released', id: next.id }, submit('a'), submit('b')]);
        }
        const [a, b] = [had.get('a') ?? 0, had.get('b') ?? 0];
        // What the flood got before the other queue came is the largest lead that there can be.
        const largest = (4 / gpus) * gpus * wallMs;
        expect(Math.abs(a - b)).toBeLessThanOrEqual(largest + 0.02 * (a + b));
      },
    ));

  it('I11: foretells the next step exactly by a dry run, and changes nothing by it', () =>
    holds(arbitraryScene, (scene) => {
      let told: { actions: string; at: number } | undefined;
      play(scene, ({ state, now, result, events }) => {
        if (told && told.at === now && events.every(({ kind }) => kind === 'tick'))
          expect(JSON.stringify(result.actions)).toBe(told.actions);
        const before = JSON.stringify(snapshot(state));
        const at = now + 50;
        told = { actions: JSON.stringify(dryRun(state, [{ kind: 'tick' }], at).actions), at };
        expect(JSON.stringify(snapshot(state))).toBe(before);
      });
    }));
});
