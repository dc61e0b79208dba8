import { jest } from '@jest/globals';
import fc from 'fast-check';
import { fullCore } from '#libs/scheduling';
import { arbitraryScene } from './core-scenes.js';
import { type Moment, play } from './play.js';

const { State, step, snapshot, restore, amountsOf } = fullCore;
type State = fullCore.State;

const RUNS = process.env['BEAMGATE_FULL'] === '1' ? 100_000 : 1_000;
// Nothing is timed: the long run takes up to two hours for a property.
jest.setTimeout(8 * 3_600_000);

const always = (look: () => (moment: Moment) => void): void =>
  fc.assert(
    fc.property(arbitraryScene, (scene) => {
      play(scene, look());
    }),
    { numRuns: RUNS },
  );

const AXES = ['gpuMilli', 'cpuMilli'] as const;
const held = (running: Iterable<fullCore.Running>, of: (one: fullCore.Running) => boolean, axis: 0 | 1): number =>
  [...running].filter(of).reduce((sum, { amounts }) => sum + (amounts[axis] as number), 0);

/** By the list of what runs alone. */
function withinQuotas({ queues }: fullCore.CoreConfig, running: readonly fullCore.Running[]): boolean {
  return ['t4', 'cpu'].every((flavor) =>
    AXES.every((axis, at) => {
      let lent = 0;
      let beyond = 0;
      for (const { name, quotas } of queues) {
        const { nominal, borrowLimit, lendLimit } = quotas[flavor]?.[axis] ?? {
          nominal: 0,
          borrowLimit: 0,
          lendLimit: null,
        };
        const uses = held(running, (one) => one.workload.queue === name && one.flavor === flavor, at as 0 | 1);
        if (uses > nominal + (borrowLimit ?? Infinity)) return false;
        const lends = Math.min(nominal, lendLimit ?? Infinity);
        lent += lends;
        beyond += Math.max(0, uses - (nominal - lends));
      }
      return beyond <= lent;
    }),
  );
}

describe('the full core, whatever happens', () => {
  it('I1: passes no bound of a device, a node, a queue or what others lend, after any prefix of its actions', () =>
    always(() => ({ state, result }) => {
      const running = [...state.running.values()];
      const starts = result.actions.filter(({ kind }) => kind === 'start').length;
      for (let prefix = running.length - starts; prefix <= running.length; prefix += 1) {
        expect(withinQuotas(state.config, running.slice(0, prefix))).toBe(true);
      }
      const kept = [...state.nominations.values()].flatMap(({ ghosts, held }) => [
        ...ghosts.map(({ placement }) => placement),
        ...held,
      ]);
      const placed = [...running.map(({ placement }) => placement), ...kept];
      for (const { nodes } of state.pools.values()) {
        for (const { spec, cpuFree, free } of nodes.all()) {
          expect(cpuFree).toBeGreaterThanOrEqual(0);
          for (const [device, left] of free.entries()) {
            const shares = placed.filter(({ node, devices }) => node === spec.id && devices.includes(device));
            const used = shares.reduce((sum, { gpuMilli }) => sum + gpuMilli, 0);
            expect(used).toBeLessThanOrEqual(1_000);
            expect(left).toBe(1_000 - used);
          }
        }
      }
    }));

  it('I2: books what runs and what is kept for somebody, no more and no less', () =>
    always(() => ({ state }) => {
      const running = [...state.running.values()];
      const nominations = [...state.nominations.values()];
      const booked = [...running, ...nominations.flatMap(({ ghosts }) => ghosts)];
      for (const { name, caps } of state.config.queues) {
        for (const [row, amount] of state.ledger.allocated(name).entries()) {
          const [flavor, axis] = [['t4', 'cpu'][Math.floor(row / 3)], row % 3];
          if (axis === 2) continue;
          const of = (one: fullCore.Running) => one.workload.queue === name && one.flavor === flavor;
          const more = nominations.filter((one) => one.workload.queue === name && one.flavor === flavor);
          const kept = more.reduce((sum, one) => sum + (one.more[axis] as number), 0);
          expect(amount).toBe(held(booked, of, axis as 0 | 1) + kept);
        }
        for (const user of ['u0', 'u1', 'u2']) {
          const own = running.filter(({ workload }) => workload.queue === name && workload.user === user);
          expect(own.length).toBeLessThanOrEqual(caps.user?.workloads ?? Infinity);
          expect(state.holdings.of(name, 'user', user).workloads).toBe(own.length);
        }
      }
      for (const { nodes } of state.pools.values()) {
        for (const { spec, cpuFree } of nodes.all()) {
          const here = nominations.flatMap(({ held: parts }) => parts).filter(({ node }) => node === spec.id);
          const kept = here.reduce((sum, { cpuMilli }) => sum + cpuMilli, 0);
          expect(spec.cpuMilli - cpuFree).toBe(held(booked, ({ placement }) => placement.node === spec.id, 1) + kept);
        }
      }
    }));

  it('I3: does the same when it is told the same', () =>
    fc.assert(
      fc.property(arbitraryScene, (scene) => {
        const log: { events: fullCore.CoreEvent[]; now: number; result: string }[] = [];
        play(scene, ({ events, now, result }) =>
          log.push({ events: structuredClone(events), now, result: JSON.stringify(result) }),
        );
        const again = new State(structuredClone(scene.config), 0);
        for (const { events, now, result } of log) expect(JSON.stringify(step(again, events, now))).toBe(result);
      }),
      { numRuns: RUNS },
    ));

  it('I4: leaves nobody waiting who fits its quota and a node, but where a head or a reservation would be delayed', () =>
    always(() => ({ state, now }) => {
      for (const workload of state.waiting.workloads()) {
        for (const flavor of workload.flavors.filter((one) => couldStart(state, workload, one))) {
          const { profile, promised } = state.pool(flavor);
          const kept = profile.copy();
          for (const { id, amounts, at, durationMs } of promised)
            kept.hold(`kept ${id}`, { amounts, from: at, to: at + durationMs, lapses: true });
          const wall = workload.wallMs ?? state.classOf(workload)?.leaseMs ?? 1;
          expect({ workload, flavor, now, fits: kept.fits(amountsOf(workload.request), wall) }).toMatchObject({
            fits: false,
          });
        }
      }
    }));

  it('has nothing to do before it asks to be called again', () =>
    always(() => ({ state, result, now }) => {
      const times = [1, 40, 90, 400].map((later) => now + later);
      const before = times.filter((time) => time < (result.lookAgainAt ?? Infinity));
      for (const time of before) {
        const other = restore(snapshot(state));
        expect(step(other, [{ kind: 'tick' }], time).actions).toEqual([]);
      }
    }));

  it('I12: goes on as before when it is stored and read back', () =>
    always(() => {
      let other: State | undefined;
      return ({ state, events, now, result }) => {
        if (other) expect(step(other, events, now)).toEqual(result);
        const stored = JSON.stringify(snapshot(state));
        if (other) expect(sorted(snapshot(other))).toEqual(sorted(snapshot(state)));
        other = restore(JSON.parse(stored) as fullCore.Snapshot);
      };
    }));

  it('I13: ends nothing when a queue is held or drained, and starts nothing of it', () =>
    always(() => {
      let ran = new Set<string>();
      return ({ state, events, result }) => {
        for (const action of result.actions) {
          if (action.kind !== 'evict' || !state.nominations.has(action.for)) continue;
          expect(state.queue(state.nominations.get(action.for)?.workload.queue ?? '')?.state).toBe('open');
        }
        const told = new Set(events.flatMap((event) => (event.kind === 'released' ? [event.id] : [])));
        const lost = new Set(result.actions.flatMap((action) => (action.kind === 'lost' ? [action.id] : [])));
        if (!events.some(({ kind }) => kind === 'node-removed')) expect(lost.size).toBe(0);
        for (const id of ran) expect(state.running.has(id) || told.has(id) || lost.has(id)).toBe(true);
        for (const action of result.actions) {
          if (action.kind !== 'start') continue;
          const queue = state.running.get(action.id)?.workload.queue ?? '';
          expect(state.queue(queue)?.state).toBe('open');
        }
        ran = new Set(state.running.keys());
      };
    }));
});

/** In an order that does not depend on when what came. */
function sorted(of: fullCore.Snapshot): fullCore.Snapshot {
  const byId = <T extends { id: string }>(list: T[]) => list.sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    ...of,
    nodes: [...of.nodes].sort((a, b) => (a.flavor < b.flavor ? -1 : a.flavor > b.flavor ? 1 : 0)),
    waiting: byId([...of.waiting]),
    promised: [...of.promised].sort(([a], [b]) => (a < b ? -1 : 1)),
    running: [...of.running].sort((a, b) => (a.workload.id < b.workload.id ? -1 : 1)),
    leases: [...of.leases].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)),
    grudges: [...of.grudges].sort(([a], [b]) => (a < b ? -1 : 1)),
    shares: {
      ...of.shares,
      users: [...of.shares.users].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    },
  };
}

/** By quotas, caps and nodes alone. */
function couldStart(state: State, workload: fullCore.CoreWorkload, flavor: string): boolean {
  const queue = state.queue(workload.queue);
  if (queue?.state !== 'open' || state.nominations.has(workload.id)) return false;
  const running = [...state.running.values()];
  const amounts = amountsOf(workload.request);
  for (const kind of ['user', 'project', 'instrument'] as const) {
    const cap = queue.caps[kind];
    if (workload[kind] === null || !cap) continue;
    const own = running.filter((one) => one.workload.queue === queue.name && one.workload[kind] === workload[kind]);
    if (own.length + 1 > (cap.workloads ?? Infinity)) return false;
    const gpu = own.reduce((sum, one) => sum + (one.amounts[0] as number), amounts[0] as number);
    if (workload.request.gpuCount > 0 && gpu > (cap.gpuMilli ?? Infinity)) return false;
  }
  const nodes = state.pools.get(flavor)?.nodes.copy();
  if (!nodes?.fits(nodes.shape(workload.request))) return false;
  const kept = [...state.nominations.values()].flatMap(({ ghosts, workload: { queue: of }, flavor: on, more }) => [
    ...ghosts,
    { workload: { queue: of }, flavor: on, amounts: more } as unknown as fullCore.Running,
  ]);
  const own = { workload, flavor, amounts } as unknown as fullCore.Running;
  return withinQuotas(state.config, [...running, ...kept, own]);
}
