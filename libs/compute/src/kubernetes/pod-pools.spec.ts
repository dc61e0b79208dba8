import { jest } from '@jest/globals';
import type { ImageCommand } from '#libs/contracts';
import type { PodLaunch } from './pod-launch.js';
import { PodPools, type WarmPod } from './pod-pools.js';

/** A pod that is warm as soon as it is made. */
class Pod implements WarmPod {
  readonly up = true;
  readonly warmed = Promise.resolve();
  readonly gone: Promise<void>;
  dismissed = false;
  #end = (): void => {};
  constructor(
    readonly project: string | null,
    readonly kernelspec: string,
    readonly node = 'n1',
  ) {
    this.gone = new Promise((resolve) => {
      this.#end = resolve;
    });
  }
  dismiss(): void {
    this.dismissed = true;
    this.#end();
  }
}

const ACTIVE_SECONDS = 3600;
/** What the calls of a start take. */
const CALLS_MS = 20;
const likeOf = (image: string): PodLaunch => {
  const command: ImageCommand = { kind: 'image', image, python: 'python3' };
  return { command, limits: { cpuMilli: null, memoryBytes: null }, requests: { cpuMilli: 1, memoryBytes: 1 } };
};
const PYTHON = likeOf('python');
const TOMO = likeOf('tomo');

let made: Pod[];
let pools: PodPools<Pod>;
const open = (poolBudget = 100, floor = 2) => {
  made = [];
  pools = new PodPools<Pod>(
    {
      pools: [
        { name: 'python', floor, ceiling: 8, like: PYTHON },
        { name: 'tomo', floor: 0, ceiling: 8, like: TOMO },
      ],
      poolBudget,
      projectActiveSeconds: ACTIVE_SECONDS,
      log: { info: () => {}, warn: () => {} },
    },
    async ({ name }, project, place) => {
      await new Promise((resolve) => setTimeout(resolve, CALLS_MS));
      const pod = new Pod(project, name, place?.node);
      made.push(pod);
      return pod;
    },
    () => true,
  );
  pools.refill();
};
const pass = (seconds: number): Promise<void> => jest.advanceTimersByTimeAsync(seconds * 1000);
/** A kernel is launched. */
const launched = async (project: string | null, like = PYTHON): Promise<Pod | undefined> => {
  const pod = pools.take(like, project, null);
  pools.refill();
  await pass(10);
  return pod;
};
const waiting = (project: string | null) => pools.pods.filter((pod) => pod.project === project);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

it('has none of a project before its first kernel', async () => {
  open();
  await pass(10);
  expect(waiting(null)).toHaveLength(2);
  expect(pools.pods).toHaveLength(2);
  expect(await launched('a')).toBeUndefined();
  expect(waiting('a').map(({ kernelspec }) => kernelspec)).toEqual(['python', 'python']);
});

it('gives a pod to its own project alone, and to its own kind', async () => {
  open();
  await launched('a');
  expect(await launched('b')).toBeUndefined();
  expect(await launched('a', TOMO)).toBeUndefined();
  expect((await launched(null))?.project).toBeNull();
  expect((await launched('a'))?.project).toBe('a');
});

it('gives up those of a project that has not used them for long', async () => {
  open();
  await launched('a');
  await pass(ACTIVE_SECONDS - 60);
  await launched('a');
  await pass(ACTIVE_SECONDS - 60);
  expect(waiting('a')).toHaveLength(2);
  const [one, two] = waiting('a');
  await pass(60);
  expect(waiting('a')).toEqual([]);
  expect([one?.dismissed, two?.dismissed]).toEqual([true, true]);
  expect(waiting(null)).toHaveLength(2);
  expect(await launched('a')).toBeUndefined();
});

it('keeps all within one budget, and gives what a project leaves to others', async () => {
  open(3, 2);
  await pass(10);
  await launched('a');
  await pass(1800);
  await launched('b');
  await pass(30);
  expect([null, 'a', 'b'].map((project) => waiting(project).length)).toEqual([2, 1, 0]);
  await pass(1800);
  expect([null, 'a', 'b'].map((project) => waiting(project).length)).toEqual([2, 0, 1]);
});

it('does not pass the budget while several are being made', async () => {
  open(1);
  for (const project of [null, 'a', 'b']) pools.take(PYTHON, project, null);
  pools.refill();
  await pass(60);
  expect(made).toHaveLength(1);
});

it('gives one to who was placed on its node, without a device', async () => {
  open();
  await pass(10);
  const place = { node: 'n1', flavor: 'any', devices: [], gpuMilli: 0, migProfile: null };
  expect(pools.take(PYTHON, null, { ...place, node: 'n2' })).toBeUndefined();
  expect(pools.take(PYTHON, null, { ...place, devices: [0], gpuMilli: 1000 })).toBeUndefined();
  expect(pools.take(PYTHON, null, place)).toBeDefined();
});

it('ends all when it closes', async () => {
  open();
  await launched('a');
  const all = pools.pods;
  pools.close();
  expect(all).toHaveLength(4);
  expect(all.every(({ dismissed }) => dismissed)).toBe(true);
  await pass(2 * ACTIVE_SECONDS);
  expect(made).toHaveLength(4);
});

describe('where the gatekeeper says where spares stand', () => {
  const spares = (...counts: [node: string, count: number][]) =>
    counts.map(([node, count]) => ({ flavor: 'cpu', node, count }));
  const standing = () =>
    waiting(null)
      .filter(({ dismissed }) => !dismissed)
      .map(({ kernelspec, node }) => `${kernelspec} ${node}`)
      .toSorted();
  const at = (node: string) => ({ flavor: 'cpu', node, devices: [], gpuMilli: 0, migProfile: null });

  it('keeps so many on each node, and those of before no more', async () => {
    open();
    await pass(10);
    const before = waiting(null);
    pools.keep([{ environment: 'python', spares: spares(['n2', 1], ['n3', 2]) }]);
    await pass(10);
    expect(before.map(({ dismissed }) => dismissed)).toEqual([true, true]);
    expect(standing()).toEqual(['python n2', 'python n3', 'python n3']);
    pools.keep([{ environment: 'python', spares: spares(['n3', 1]) }]);
    await pass(10);
    expect(standing()).toEqual(['python n3']);
    pools.keep([{ environment: 'python', spares: [] }]);
    await pass(10);
    expect(standing()).toEqual([]);
  });

  it('gives one to whoever starts on its node', async () => {
    open();
    pools.keep([{ environment: 'python', spares: spares(['n2', 1]) }]);
    await pass(10);
    expect(pools.take(PYTHON, null, at('n3'))).toBeUndefined();
    expect(pools.take(PYTHON, null, at('n2'))?.node).toBe('n2');
    expect(pools.take(PYTHON, null, at('n2'))).toBeUndefined();
  });

  it('leaves those of projects, and of what is not named, as the options say', async () => {
    open();
    await launched('a');
    pools.keep([{ environment: 'tomo', spares: spares(['n2', 1]) }]);
    await pass(10);
    expect(standing()).toEqual(['python n1', 'python n1', 'tomo n2']);
    expect(waiting('a')).toHaveLength(2);
    pools.keep([]);
    await pass(10);
    expect(standing()).toEqual(['python n1', 'python n1']);
  });
});
