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
    async ({ name }, project) => {
      await new Promise((resolve) => setTimeout(resolve, CALLS_MS));
      const pod = new Pod(project, name);
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
