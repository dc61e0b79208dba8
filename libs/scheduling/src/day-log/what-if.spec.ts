import { describe, expect, it } from '@jest/globals';
import { SchedulingConfig } from '#libs/contracts';
import { coreConfigOf } from '../config/core-config.js';
import * as fullCore from '../core/index.js';
import type { DayOutcome } from '../simulate/day-recorder.js';
import { readDayLog } from './read-day-log.js';
import { replayDayLog } from './replay-day-log.js';

const SECOND = 1_000;
const START = Date.parse('2026-12-01T08:00:00Z');
const configOf = (changes: object = {}) =>
  SchedulingConfig.parse({
    flavors: [{ name: 'a100', kind: 'gpu', model: 'A100' }],
    queues: [{ name: 'users', quota: { a100: {} } }],
    classes: [
      { name: 'interactive', rank: 700, evict: 'reclaim', idleSeconds: 60 },
      { name: 'batch', rank: 500, evict: 'never' },
    ],
    policies: { graceSeconds: 5 },
    ...changes,
  });
const node = (id: string, devices: number): fullCore.CoreEvent => ({
  kind: 'node-added',
  flavor: 'a100',
  node: {
    ...{ id, cpuMilli: 64_000, memoryBytes: 0 },
    gpu: { model: 'A100', devices: Array.from({ length: devices }, () => 'whole' as const) },
  },
});
const asks = (id: string, at: number, more: Partial<fullCore.CoreWorkload> = {}): [number, fullCore.CoreEvent] => [
  at,
  {
    kind: 'submitted',
    workload: {
      ...{ id, queue: 'users', user: 'ada', project: null, instrument: null, class: 'batch', offset: 0 },
      ...{ flavors: ['a100'], request: { cpuMilli: 1, memoryBytes: 0, gpuCount: 1, gpuMilli: 1_000 } },
      ...{ environment: null, wallMs: null, submittedAt: START + at * SECOND, evictions: 0, ...more },
    },
  },
];
const ends = (id: string, at: number): [number, fullCore.CoreEvent] => [at, { kind: 'released', id }];
const tick = (at: number): [number, fullCore.CoreEvent] => [at, { kind: 'tick' }];

/** A log of what a service was told at these seconds. */
function logOf(config: SchedulingConfig, ...told: [number, fullCore.CoreEvent][]): string {
  const core = new fullCore.State(coreConfigOf(config), START);
  const header = { kind: 'log', format: 1, from: null, to: null };
  const byTime = Map.groupBy(told, ([at]) => at);
  const steps = [...byTime].map(([at, all], seq) => ({
    ...{ kind: 'step', seq, epoch: 1, at: START + at * SECOND, events: all.map(([, event]) => event) },
    origin: seq === 0 ? { version: 1, config, state: fullCore.snapshot(core) } : null,
  }));
  return [header, ...steps].map((line) => JSON.stringify(line)).join('\n');
}
const starts = ({ starts: all }: DayOutcome) =>
  Object.fromEntries(all.map(({ id, at, node: on }) => [id, `${(at - START) / SECOND} ${on}`]));
const tried = (log: string, changes?: object) =>
  replayDayLog(readDayLog(log), changes === undefined ? undefined : configOf(changes));

describe('a logged day under another configuration', () => {
  // One device: each waits for the one before.
  const day = logOf(
    configOf(),
    ...([[0, node('n1', 1)]] as [number, fullCore.CoreEvent][]),
    asks('first', 0),
    asks('second', 10, { user: 'bob' }),
    asks('third', 20),
    ends('first', 100),
    ends('second', 130),
    ends('third', 190),
    tick(400),
  );

  it('comes out as it was where nothing is changed', () => {
    const was = { first: '0 n1', second: '100 n1', third: '130 n1' };
    expect(starts(tried(day))).toEqual(was);
    expect(starts(tried(day, {}))).toEqual(was);
    expect(tried(day).waits).toEqual({ batch: [0, 90 * SECOND, 110 * SECOND] });
    const { gpuMilli, to, from } = tried(day);
    expect([from, to]).toEqual([START, START + 400 * SECOND]);
    expect(gpuMilli.allocated.map(({ at, amount }) => [(at - START) / SECOND, amount])).toEqual([
      [0, 1_000],
      [190, 0],
    ]);
  });

  it('lets each run as long as it did, from its own start on', () => {
    const swapped = {
      queues: [{ name: 'users', quota: { a100: {} }, caps: { perUser: { workloads: 1 } } }],
      classes: [{ name: 'batch', rank: 500, evict: 'never' }],
    };
    const wide = logOf(
      configOf(),
      ...([[0, node('n1', 2)]] as [number, fullCore.CoreEvent][]),
      asks('first', 0),
      asks('second', 10),
      ends('second', 50),
      ends('first', 100),
      tick(400),
    );
    expect(starts(tried(wide))).toEqual({ first: '0 n1', second: '10 n1' });
    const outcome = tried(wide, swapped);
    expect(starts(outcome)).toEqual({ first: '0 n1', second: '100 n1' });
    expect(outcome.gpuMilli.allocated.map(({ at, amount }) => [(at - START) / SECOND, amount])).toEqual([
      [0, 1_000],
      [140, 0],
    ]);
  });

  it('says what waits, and why what is there is not allocated', () => {
    const held = tried(day, { queues: [{ name: 'users', quota: { a100: {} }, state: 'hold' }] });
    expect([held.starts, held.unstarted]).toEqual([[], 3]);
    const { unallocated } = held.gpuMilli;
    expect(unallocated['quota, cap or hold'].map(({ at, amount }) => [(at - START) / SECOND, amount])).toContainEqual([
      0, 1_000,
    ]);
  });

  it('takes idle kernels from who has left them, where the configuration says so', () => {
    const never = [
      { name: 'interactive', rank: 700, evict: 'never' },
      { name: 'batch', rank: 500, evict: 'never' },
    ];
    const log = logOf(
      configOf({ classes: never }),
      ...([[0, node('n1', 1)]] as [number, fullCore.CoreEvent][]),
      asks('notebook', 0, { class: 'interactive' }),
      [30, { kind: 'idle', id: 'notebook', since: START + 20 * SECOND }],
      asks('other', 40, { class: 'interactive', user: 'bob' }),
      ends('notebook', 1_000),
      tick(2_000),
    );
    expect(starts(tried(log))).toEqual({ notebook: '0 n1', other: '1000 n1' });
    const outcome = tried(log, {});
    // Idle since 20 s for a minute, then five seconds of notice.
    expect(starts(outcome)).toEqual({ notebook: '0 n1', other: '85 n1' });
    expect(outcome.evictions).toEqual({ reclaimed: 1, requeued: 0, useless: 0 });
  });

  it('has a place for what ran before, and lets it go on', () => {
    const core = new fullCore.State(coreConfigOf(configOf()), START - 50 * SECOND);
    fullCore.step(core, [node('n1', 1), asks('early', -50)[1]], START - 50 * SECOND);
    const origin = { version: 1, config: configOf(), state: fullCore.snapshot(core) };
    const [header, ...rest] = logOf(configOf(), asks('late', 0), ends('early', 70), tick(100)).split('\n');
    const lines = rest.map((line, at) => JSON.stringify({ ...JSON.parse(line), origin: at === 0 ? origin : null }));
    const log = [header, ...lines].join('\n');
    expect(starts(tried(log))).toEqual({ late: '70 n1' });
    expect(starts(tried(log, {}))).toEqual({ late: '70 n1' });
  });

  it('remembers who had more before the log began', () => {
    const before = START - 7_200 * SECOND;
    const core = new fullCore.State(coreConfigOf(configOf()), before);
    fullCore.step(core, [node('n1', 1), asks('early', -7_200)[1]], before);
    fullCore.step(core, [{ kind: 'released', id: 'early' }], START - SECOND);
    const origin = { version: 1, config: configOf(), state: fullCore.snapshot(core) };
    const day2 = logOf(configOf(), asks('1 ada', 0), asks('2 bob', 0, { user: 'bob' }), ends('2 bob', 50), tick(100));
    const [header, ...rest] = day2.split('\n');
    const lines = rest.map((line, at) => JSON.stringify({ ...JSON.parse(line), origin: at === 0 ? origin : null }));
    const log = [header, ...lines].join('\n');
    for (const changes of [undefined, {}])
      expect(starts(tried(log, changes))).toEqual({ '2 bob': '0 n1', '1 ada': '50 n1' });
  });

  it('moves work to the queues and nodes to the flavors that there are', () => {
    const other = {
      flavors: [
        { name: 'cpu', kind: 'cpu' },
        { name: 'big', kind: 'gpu', model: 'A100' },
      ],
      queues: [{ name: 'everybody', quota: { big: {} } }],
    };
    const outcome = tried(day, other);
    expect(starts(outcome)).toEqual({ first: '0 n1', second: '100 n1', third: '130 n1' });
    expect(outcome.starts[0]).toMatchObject({ queue: 'everybody', flavor: 'big' });
  });

  it('leaves whole what was usually asked for whole then', () => {
    // Of almost the same rank, the first before the second.
    const nodes = ['n9', 'n0'].map((id): [number, fullCore.CoreEvent] => [
      0,
      {
        ...{ kind: 'node-added', flavor: 'a100' },
        node: { ...{ id, cpuMilli: 64_000, memoryBytes: 0 }, gpu: { model: 'A100', devices: ['share'] } },
      },
    ]);
    const share = (gpuMilli: number) => ({ request: { cpuMilli: 1, memoryBytes: 0, gpuCount: 1, gpuMilli } });
    const sharing = { flavors: [{ name: 'a100', kind: 'gpu', model: 'A100', sharing: 'slice' }] };
    const log = (...shapes: { cpuMilli: number; gpuCount: number; gpuMilli: number; count: number }[]) =>
      logOf(
        ...[configOf(sharing), ...nodes, asks('1 large', 0, share(600)), asks('2 half', 0, share(500))],
        ...[ends('1 large', 10), [20, { kind: 'typical', shapes }] as [number, fullCore.CoreEvent]],
        ...[asks('next', 30, share(500)), tick(40)],
      );
    for (const changes of [undefined, sharing]) {
      expect(starts(tried(log(), changes))['next']).toBe('30 n9');
      const usual = { cpuMilli: 1, gpuCount: 1, gpuMilli: 1_000, count: 9 };
      expect(starts(tried(log(usual), changes))['next']).toBe('30 n0');
    }
  });

  it('leaves work where it was asked for under the configuration of then', () => {
    const [header = '', first = '', second = ''] = logOf(configOf(), [0, node('n1', 1)], asks('one', 5)).split('\n');
    const none = { ...JSON.parse(first), origin: { ...JSON.parse(first).origin, version: 0, config: null } };
    const state = { ...JSON.parse(first).origin.state };
    const two = configOf({ queues: [{ name: 'first' }, { name: 'users', quota: { a100: {} } }] });
    const origin = { version: 1, config: two, state: { ...state, config: coreConfigOf(two) } };
    const begun = { ...JSON.parse(second), origin };
    begun.events.unshift(node('n1', 1));
    const log = [header, JSON.stringify(none), JSON.stringify(begun)].join('\n');
    expect(tried(log, { queues: two.queues }).starts).toMatchObject([{ id: 'one', queue: 'users' }]);
  });

  it('tells two queues of equal right that wait apart by what they had', () => {
    const two = { queues: ['a', 'b'].map((name) => ({ name, quota: { a100: {} } })) };
    const of = (queue: string, ...names: string[]) => names.map((id) => asks(id, 0, { queue }));
    const log = logOf(
      configOf(two),
      ...([[0, node('n1', 2)]] as [number, fullCore.CoreEvent][]),
      ...of('a', 'a1', 'a2', 'a3'),
      ...of('b', 'b1', 'b2', 'b3'),
      tick(100),
    );
    expect(tried(log).fairnessError).toBeLessThan(0.02);
    const favoured = {
      queues: [
        { name: 'a', quota: { a100: {} } },
        { name: 'b', quota: { a100: {} }, weight: 9 },
      ],
    };
    expect(tried(log, favoured).fairnessError).toBeGreaterThan(0.05);
  });
});

describe('a log that is read', () => {
  const good = logOf(configOf(), asks('one', 0), tick(5));
  const fault = (text: string): string => {
    try {
      replayDayLog(readDayLog(text));
    } catch (error) {
      return (error as Error).message;
    }
    return 'none';
  };
  const [header = '', first = '', second = ''] = good.split('\n');
  it.each([
    ['is empty', ''],
    ['line 1: kind', first],
    ['this program reads format 1', header.replace('"format":1', '"format":2')],
    ['holds no step', header],
    ['line 2 is no JSON', `${header}\nnonsense`],
    [
      'line 2: events.0.workload.submittedAt',
      `${header}\n${first.replace(/"submittedAt":\d+/, '"submittedAt":"now"')}`,
    ],
    ['line 3: events.0.kind', `${good.replace('"tick"', '"tock"')}`],
    ['line 2: origin: the first step needs one', `${header}\n${second}`],
    [
      'line 3: seq: 0 comes after 1',
      [header, first.replace('"seq":0', '"seq":1'), second.replace('"seq":1', '"seq":0')].join('\n'),
    ],
    ['origin.state: is no state', `${header}\n${first.replace(/"running":\[\]/, '"running":7')}`],
  ])('says %s', (told, text) => expect(fault(text)).toContain(told));

  it('goes on to the end that was asked for', () => {
    const long = good.replace('"to":null', `"to":${START + 900 * SECOND}`);
    expect(readDayLog(long)).toMatchObject({ from: START, to: START + 900 * SECOND });
    expect(readDayLog(good).to).toBe(START + 5 * SECOND);
  });

  it('is taken with empty lines', () => expect(fault(`${good}\n\n`)).toBe('none'));
});
