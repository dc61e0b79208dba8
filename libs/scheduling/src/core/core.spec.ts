import { describe, expect, it } from '@jest/globals';
import type { KernelId } from '#libs/contracts';
import { stepFull } from './core.js';
import { dryRun } from './dry-run.js';
import { explain } from './explain.js';
import type { CoreConfig, CoreEvent, CoreWorkload, RunningPlace } from './model.js';
import { restoreFull, snapshotFull } from './snapshot.js';
import { FullState } from './state.js';
import { waitExplanation } from './wait-explanation.js';

const own = { nominal: 100_000, borrowLimit: 0, lendLimit: null };
const quotas = { t4: { gpuMilli: own, cpuMilli: own } };
const queue = (name: string) => ({ name, parent: null, weight: 1, quotas, state: 'open', caps: {} }) as const;
const often = { minRuntimeMs: 0, leaseMs: 1_000, idleMs: 10, halfLifeMs: 86_400_000 };
const config: CoreConfig = {
  flavors: ['t4'],
  cohorts: [],
  queues: [queue('a'), queue('b')],
  classes: [
    { name: 'batch', rank: 500, maxWaitMs: 0, evict: 'requeue', ...often },
    { name: 'interactive', rank: 700, maxWaitMs: null, evict: 'reclaim', ...often },
    { name: 'live', rank: 900, maxWaitMs: null, evict: 'never', ...often },
  ],
  pools: [],
  reservations: [],
  graceMs: 5,
  evictedPerMinute: {},
  protectedHeads: 1,
};
const node: Extract<CoreEvent, { kind: 'node-added' }> = {
  kind: 'node-added',
  flavor: 't4',
  node: { id: 'n', cpuMilli: 8_000, memoryBytes: 0, gpu: { model: 'T4', devices: Array(4).fill('share') } },
};
const submit = (id: string, gpuCount: number, wallMs: number | null, more: Partial<CoreWorkload> = {}): CoreEvent => ({
  kind: 'submitted',
  workload: {
    ...{ id, queue: 'a', user: 'ann', project: 'p', class: 'batch', offset: 0, flavors: ['t4'], wallMs },
    ...{ request: { cpuMilli: 0, memoryBytes: 0, gpuCount, gpuMilli: 1_000 } },
    ...{ submittedAt: 0, instrument: null, environment: null, evictions: 0, ...more },
  },
});
const started = (state: FullState, events: CoreEvent[], now: number): string[] =>
  stepFull(state, events, now).actions.flatMap((action) => (action.kind === 'start' ? [action.id] : []));

describe('a step of the full core', () => {
  it('fills what a waiting head leaves, but starts nothing that would delay it', () => {
    const state = new FullState(config, 0);
    expect(started(state, [node, submit('long', 3, 100)], 0)).toEqual(['long']);
    // The head waits for 100; one device is free until then.
    const { actions, reasons, lookAgainAt } = stepFull(
      state,
      [submit('head', 4, 50), submit('short', 1, 90, { submittedAt: 1 }), submit('late', 1, 99, { submittedAt: 2 })],
      10,
    );
    expect(actions.map((one) => 'id' in one && one.id)).toEqual(['short']);
    expect(reasons.map(({ id, reason }) => [id, reason.code])).toEqual([['head', 'Capacity']]);
    expect(lookAgainAt).toBe(100);
    expect(
      started(
        state,
        [
          { kind: 'released', id: 'long' },
          { kind: 'released', id: 'short' },
        ],
        100,
      ),
    ).toEqual(['head']);
  });

  it('looks again at once where those behind a head took the quota that it needs', () => {
    const cpus = { nominal: 1_000, borrowLimit: 0, lendLimit: null };
    const queues = [{ ...queue('a'), quotas: { t4: { gpuMilli: own, cpuMilli: cpus } } }, queue('b')];
    const state = new FullState({ ...config, queues }, 0);
    const asks = (cpuMilli: number, gpuMilli: number, of: 'a' | 'b', cls: string): Partial<CoreWorkload> => ({
      ...{ queue: of, class: cls, request: { cpuMilli, memoryBytes: 0, gpuCount: gpuMilli > 0 ? 1 : 0, gpuMilli } },
    });
    const one = { ...node, node: { ...node.node, gpu: { model: 'T4', devices: ['share' as const] } } };
    stepFull(state, [one as CoreEvent, submit('long', 1, 200, asks(0, 300, 'b', 'live'))], 0);
    const head = submit('head', 1, 500, asks(500, 1_000, 'a', 'live'));
    const fill = submit('fill', 0, 100, asks(600, 0, 'a', 'interactive'));
    const other = submit('other', 1, 400, asks(0, 300, 'b', 'interactive'));
    const { actions, lookAgainAt } = stepFull(state, [head, fill, other], 0);
    expect(actions.map((action) => 'id' in action && action.id)).toEqual(['fill']);
    expect(lookAgainAt).toBe(1);
    expect(started(state, [], 1)).toEqual(['other']);
  });

  it('starts one again elsewhere while the place that it was evicted from is kept', () => {
    const state = new FullState(config, 0);
    const withDevices = (id: string, devices: number) => ({
      ...node,
      node: { ...node.node, id, gpu: { model: 'T4', devices: Array(devices).fill('share') } },
    });
    stepFull(state, [withDevices('n', 2), submit('first', 1, null), submit('second', 1, null)], 0);
    stepFull(state, [submit('live', 2, 100, { class: 'live' })], 1);
    expect([...(state.nominations.get('live')?.victims ?? [])].sort()).toEqual(['first', 'second']);
    const again = [
      { kind: 'released', id: 'first' } as const,
      submit('first', 1, null, { evictions: 1 }),
      withDevices('m', 1),
    ];
    expect(started(state, again, 2)).toEqual(['first']);
    expect(started(state, [{ kind: 'released', id: 'second' }], 3)).toEqual(['live']);
    expect(state.pool('t4').booked.size).toBe(2);
  });

  it('tells one that would fit now, but for the head, that it waits behind it', () => {
    const state = new FullState(config, 0);
    stepFull(state, [node, submit('long', 3, 100), submit('next', 4, 50)], 0);
    expect(started(state, [submit('late', 1, 101, { submittedAt: 2 })], 2)).toEqual([]);
    const reason = { code: 'BehindHead', flavor: 't4', head: 'next', shadow: 150 };
    expect(explain(state, 'late')).toMatchObject({ reason, ahead: ['next'], position: 2, of: 2 });
  });

  it('holds a user, a project and an instrument each to its cap, and says whose it is', () => {
    const capped = (caps: CoreConfig['queues'][number]['caps']): FullState =>
      new FullState({ ...config, queues: config.queues.map((one) => ({ ...one, caps })) }, 0);
    const told = (state: FullState): string | undefined =>
      waitExplanation(state, 'second' as KernelId, { heldMs: [], since: () => null }, 1)?.text;
    for (const kind of ['project', 'instrument'] as const) {
      const state = capped({ [kind]: { gpuMilli: 1_000 } });
      const first = { user: 'bob', project: 'tomo', instrument: 'B7' };
      const other = { ...first, user: 'cleo', [kind]: 'other' };
      expect(
        started(
          state,
          [node, submit('first', 1, null, first), submit('second', 1, null, { ...first, user: 'dan' })],
          0,
        ),
      ).toEqual(['first']);
      expect(told(state)).toMatch(
        new RegExp(
          `^Queued: position 1 of 1\\. Your ${kind} ${first[kind]} has as much as one ${kind} may have at once \\(1 GPUs\\);`,
        ),
      );
      expect(told(state)).toMatch(/A cap of 2000 gpuMilli for each (project|instrument) of queue a would start it\.$/);
      // Nobody else waits for it, nor who is counted to none.
      const others = [submit('another', 1, null, other), submit('none', 1, null, { [kind]: null })];
      expect(started(state, others, 2)).toEqual(['another', 'none']);
      expect(started(state, [{ kind: 'released', id: 'first' }], 3)).toEqual(['second']);
    }
  });

  it('holds of the sum who runs nobody knows where, or where it does not fit any more', () => {
    const state = new FullState(config, 0);
    const running = (id: string, cpuMilli: number, place: RunningPlace | null): CoreEvent => {
      const request = { cpuMilli, memoryBytes: 0, gpuCount: 0, gpuMilli: 0 };
      const { workload } = submit(id, 0, null, { request }) as Extract<CoreEvent, { kind: 'submitted' }>;
      return { kind: 'running', workload, place, startedAt: 0 };
    };
    const there = { flavor: 't4', node: 'n', devices: [] };
    stepFull(state, [node, running('there', 3_000, there), running('somewhere', 3_000, null)], 0);
    expect([...state.running.values()].map(({ placement }) => placement.node)).toEqual(['n', 'n']);
    stepFull(state, [running('too-much', 1_500, null), running('no-room', 2_500, there)], 1);
    // A node that is not there may come yet.
    stepFull(state, [running('gone', 1_000, { ...there, node: 'm' })], 1);
    expect([...state.running].map(([id, { placement }]) => [id, placement.node])).toEqual([
      ...[
        ['there', 'n'],
        ['somewhere', 'n'],
        ['too-much', 'n'],
        ['no-room', ''],
      ],
    ]);
    expect(state.ledger.allocated('a')).toEqual([0, 10_000, 0]);
    const small = { request: { cpuMilli: 500, memoryBytes: 0, gpuCount: 0, gpuMilli: 0 } };
    expect(started(state, [submit('next', 0, null, small)], 2)).toEqual([]);
    expect(explain(state, 'next')?.reason).toMatchObject({ code: 'Capacity', axis: 'cpuMilli', missing: 500 });
    const again = restoreFull(snapshotFull(state));
    for (const one of [state, again]) expect(started(one, [{ kind: 'released', id: 'no-room' }], 3)).toEqual(['next']);
    expect(snapshotFull(again)).toEqual(snapshotFull(state));
  });

  it('keeps reserved capacity free from its start on, and gives it to its owner alone', () => {
    const amounts = { gpuMilli: 3_000, cpuMilli: 0, memoryBytes: 0 };
    const reservation = {
      id: 'r',
      flavor: 't4',
      amounts,
      owner: { user: 'eve' },
      ...{ from: 100, to: 200, leadMs: 0, graceMs: 100 },
    } as const;
    const state = new FullState({ ...config, reservations: [reservation] }, 0);
    expect(
      started(state, [node, submit('ends before', 2, 100), submit('ends after', 2, 101, { user: 'bob' })], 0),
    ).toEqual(['ends before']);
    expect(started(state, [{ kind: 'released', id: 'ends before' }], 100)).toEqual([]);
    expect(started(state, [submit('hers', 3, 500, { user: 'eve' }), submit('one', 1, 500)], 100)).toEqual([
      'hers',
      'one',
    ]);
  });

  it('gives the queue that has had less the next place', () => {
    const state = new FullState({ ...config, protectedHeads: 0 }, 0);
    const events = [0, 1, 2, 3].map((at) => submit(`a${at}`, 1, 100, { submittedAt: at }));
    const late = [submit('b0', 1, 100, { queue: 'b', user: 'bob', submittedAt: 9 })];
    expect(started(state, [node, ...events, ...late], 10)).toEqual(['a0', 'b0', 'a1', 'a2']);
  });

  it('says of what was lost with its node, and refuses what it does not know', () => {
    const state = new FullState(config, 0);
    stepFull(state, [node, submit('one', 1, 100)], 0);
    const { actions } = stepFull(state, [{ kind: 'node-removed', id: 'n' }, submit('two', 1, 100, { queue: 'no' })], 1);
    expect(actions).toEqual([
      { kind: 'lost', id: 'one' },
      { kind: 'refuse', id: 'two', because: 'no-queue' },
    ]);
  });

  it('takes what another queue borrowed back for its own, after a notice, and keeps it for whom it was taken', () => {
    const half = { t4: { gpuMilli: { nominal: 2_000, borrowLimit: null, lendLimit: null }, cpuMilli: own } };
    const cohorts = [{ name: 'lab', parent: null, weight: 1, quotas: {} }];
    const queues = [queue('a'), queue('b')].map((one) => ({ ...one, parent: 'lab', quotas: half }));
    const state = new FullState({ ...config, cohorts, queues }, 0);
    const four = [0, 1, 2, 3].map((at) => submit(`a${at}`, 1, 1_000, { submittedAt: at }));
    expect(started(state, [node, ...four], 10)).toHaveLength(4);
    const wanted = submit('mine', 1, 100, { queue: 'b', user: 'bob', class: 'interactive', submittedAt: 20 });
    const { actions, reasons } = stepFull(state, [wanted], 20);
    expect(actions).toEqual([{ kind: 'evict', id: 'a0', how: 'requeue', for: 'mine', at: 25 }]);
    expect(reasons[0]?.reason).toEqual({ code: 'Evicting', victims: ['a0'], at: 25 });
    // It would fit the place of who leaves, too, and was there before.
    expect(started(state, [submit('other', 1, 100, { submittedAt: 1 })], 21)).toEqual([]);
    expect(started(state, [{ kind: 'released', id: 'a0' }], 25)).toEqual(['mine']);
  });

  it('reclaims who has been idle for longest, and spares one that is used again', () => {
    const state = new FullState(config, 0);
    const idle = ['first', 'second', 'third', 'fourth'].map((id) => submit(id, 1, null, { class: 'interactive' }));
    expect(started(state, [node, ...idle], 0)).toHaveLength(4);
    const since = ['second', 'third'].map((id, at): CoreEvent => ({ kind: 'idle', id, since: 5 + at }));
    const { actions, lookAgainAt } = stepFull(state, [...since, submit('next', 1, null, { class: 'interactive' })], 12);
    expect([actions, lookAgainAt]).toEqual([[], 15]);
    const evict = (id: string, at: number) => ({ kind: 'evict', id, how: 'reclaim', for: 'next', at });
    expect(stepFull(state, [{ kind: 'tick' }], 15).actions).toEqual([evict('second', 20)]);
    expect(stepFull(state, [{ kind: 'busy', id: 'second' }], 16).actions).toEqual([evict('third', 21)]);
    expect(started(state, [{ kind: 'released', id: 'third' }], 21)).toEqual(['next']);
  });

  it('tells who has to go for a reservation in time, and leaves the others', () => {
    const amounts = { gpuMilli: 2_000, cpuMilli: 0, memoryBytes: 0 };
    const reservation = {
      id: 'r',
      flavor: 't4',
      amounts,
      owner: { user: 'eve' },
      from: 100,
      to: 200,
      leadMs: 30,
      graceMs: 50,
    };
    const state = new FullState({ ...config, reservations: [reservation] }, 0);
    const kernels = ['one', 'two', 'three', 'four'].map((id) => submit(id, 1, null, { class: 'interactive' }));
    expect(started(state, [node, ...kernels], 0)).toHaveLength(4);
    expect(stepFull(state, [], 69).actions).toEqual([]);
    const told = stepFull(state, [], 70).actions;
    expect(told).toEqual([3, 4].map(() => expect.objectContaining({ kind: 'evict', how: 'reservation', at: 100 })));
    expect(
      started(
        state,
        told.flatMap((one) => ('id' in one ? [{ kind: 'released', id: one.id }] : [])),
        100,
      ),
    ).toEqual([]);
    expect(started(state, [submit('hers', 2, 500, { user: 'eve' })], 101)).toEqual(['hers']);
  });

  it('leaves a reservation to its owners: nobody else gets the place of one who uses it', () => {
    const amounts = { gpuMilli: 2_000, cpuMilli: 0, memoryBytes: 0 };
    const times = { from: 0, to: 1_000, leadMs: 0, graceMs: 0 };
    const reservation = { id: 'r', flavor: 't4', amounts, owner: { user: 'eve' }, ...times };
    // One that could use it if it were lent, and one that could not.
    for (const above of ['interactive', 'live']) {
      const state = new FullState({ ...config, reservations: [reservation] }, 0);
      const both = [submit('hers', 2, 500, { user: 'eve' }), submit('his', 2, 500, { submittedAt: 1 })];
      expect(started(state, [node, ...both], 10)).toEqual(['hers', 'his']);
      expect(stepFull(state, [submit('above', 3, 100, { class: above })], 20).actions).toEqual([]);
      const own = submit('own', 2, 100, { class: above, user: 'eve' });
      const evicted = expect.objectContaining({ kind: 'evict', id: 'hers', for: 'own' });
      expect(stepFull(state, [own], 30).actions).toEqual([evicted]);
    }
  });

  it('evicts who lies in a lent reservation for its owner, but gives its place to nobody else', () => {
    const amounts = { gpuMilli: 2_000, cpuMilli: 0, memoryBytes: 0 };
    const times = { from: 0, to: 1_000, leadMs: 0, graceMs: 0 };
    const reservation = { id: 'r', flavor: 't4', amounts, owner: { user: 'eve' }, ...times };
    const state = new FullState({ ...config, reservations: [reservation] }, 0);
    expect(started(state, [node, submit('lent', 4, 500)], 10)).toEqual(['lent']);
    const live = (id: string, gpuCount: number, user: string) => submit(id, gpuCount, 100, { class: 'live', user });
    expect(stepFull(state, [live('his', 3, 'bob')], 20).actions).toEqual([]);
    const evicted = expect.objectContaining({ kind: 'evict', id: 'lent', for: 'hers' });
    expect(stepFull(state, [live('hers', 2, 'eve')], 30).actions).toEqual([evicted]);
  });

  it('lends a reservation only to one that does not fit beside it, for as long as its lease is', () => {
    const reservation = (id: string, gpuMilli: number, from: number, to: number) => ({
      ...{ id, flavor: 't4', amounts: { gpuMilli, cpuMilli: 0, memoryBytes: 0 }, owner: { user: 'eve' } },
      ...{ from, to, leadMs: 0, graceMs: 50 },
    });
    const reservations = [reservation('now', 2_000, 0, 300), reservation('later', 4_000, 300, 400)];
    const state = new FullState({ ...config, reservations }, 0);
    const kernels = ['one', 'two', 'three'].map((id) => submit(id, 1, null, { class: 'interactive' }));
    expect(started(state, [node, ...kernels], 60)).toEqual(['one', 'three', 'two']);
    expect([...state.running.values()].map((one) => [one.workload.id, one.reservation])).toEqual([
      ['one', null],
      ['three', null],
      ['two', 'now'],
    ]);
  });

  it('explains a wait: why, who holds what is missing, from when on, and what would change it', () => {
    const state = new FullState(config, 0);
    stepFull(state, [node, submit('long', 3, 100, { user: 'bob' }), submit('head', 4, 50, { submittedAt: 1 })], 2);
    expect(explain(state, 'head')).toEqual({
      ...{ reason: { code: 'Capacity', flavor: 't4', axis: 'gpuMilli', missing: 3_000, shadow: 102 } },
      ...{ position: 1, of: 1, holders: [{ user: 'bob', amount: 3_000, workloads: 1 }], earliest: 102, ahead: [] },
      change: 'The end of a kernel of bob would start it.',
    });
    expect(explain(state, 'long')).toBeUndefined();
  });

  it('answers a dry run as the next step does, and stays as it is', () => {
    const state = new FullState(config, 0);
    stepFull(state, [node, submit('long', 3, 100)], 0);
    const before = JSON.stringify(snapshotFull(state));
    const events = [submit('short', 1, 50)];
    const { actions } = dryRun(state, events, 5);
    expect(JSON.stringify(snapshotFull(state))).toBe(before);
    expect(stepFull(state, events, 5).actions).toEqual(actions);
  });
});
