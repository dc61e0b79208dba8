import { jest } from '@jest/globals';
import type { HostedKernel } from './hosted-kernel.js';
import { type PoolSize } from './process-host-options.js';
import { WarmPool } from './warm-pool.js';

/** A kernel whose coming up and end the spec decides. */
class Kernel {
  readonly dismiss = jest.fn(() => this.end());
  readonly gone: Promise<void>;
  readonly warmed: Promise<void>;
  end = (): void => {};
  warm = (): void => {};
  constructor() {
    this.gone = new Promise((resolve) => {
      this.end = resolve;
    });
    this.warmed = new Promise((resolve) => {
      this.warm = resolve;
    });
  }
}

describe('a pool of warm kernels', () => {
  let started: Kernel[];
  let ready: number[];
  let idle: boolean;
  let budget: number;
  let pool: WarmPool<HostedKernel>;

  beforeEach(() => {
    jest.useFakeTimers();
    started = [];
    ready = [];
    idle = true;
    budget = 100;
  });
  afterEach(() => jest.useRealTimers());

  function make(size: PoolSize): void {
    const start = async (): Promise<HostedKernel> => {
      const kernel = new Kernel();
      started.push(kernel);
      return kernel as unknown as HostedKernel;
    };
    pool = new WarmPool(
      size,
      start,
      () => idle,
      () => pool.kernels.length < budget,
      (count) => ready.push(count),
    );
    pool.refill();
  }
  const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
  async function fill(count: number): Promise<void> {
    while (ready.length < count) {
      await pass(0);
      started.at(-1)?.warm();
      await pass(0);
    }
  }

  it('starts one after another up to its floor', async () => {
    make({ floor: 3, ceiling: 8 });
    await pass(0);
    expect(started).toHaveLength(1);
    await fill(3);
    await pass(60_000);
    expect(started).toHaveLength(3);
    expect(ready).toEqual([1, 2, 3]);
  });

  it('gives each away once, and starts others when nobody was served for a second', async () => {
    make({ floor: 2, ceiling: 2 });
    await fill(2);
    const given = [pool.take(), pool.take(), pool.take()];
    expect(new Set(given)).toEqual(new Set([...started, undefined]));
    pool.refill();
    await pass(999);
    expect(started).toHaveLength(2);
    await pass(1);
    expect(started).toHaveLength(3);
  });

  it('gets ready for what is asked for, up to its ceiling, and forgets it after five minutes', async () => {
    make({ floor: 0, ceiling: 2 });
    for (let count = 0; count < 5; count += 1) pool.take();
    pool.refill();
    await pass(1000);
    await fill(2);
    await pass(1000);
    expect(started).toHaveLength(2);
    await pass(300_000);
    pool.refill();
    expect(started.map(({ dismiss }) => dismiss.mock.calls.length)).toEqual([1, 1]);
  });

  it('waits while the host is busy, and starts none beyond the budget', async () => {
    idle = false;
    make({ floor: 3, ceiling: 3 });
    await pass(60_000);
    expect(started).toHaveLength(0);
    idle = true;
    budget = 1;
    pool.refill();
    await fill(1);
    await pass(60_000);
    expect(started).toHaveLength(1);
  });

  it('tries again, not at once, after one that did not come up', async () => {
    make({ floor: 1, ceiling: 1 });
    await pass(0);
    started[0]?.end();
    await pass(0);
    pool.refill();
    await pass(9000);
    expect(started).toHaveLength(1);
    await pass(1000);
    expect(started).toHaveLength(2);
  });

  it('ends them all when it is closed, also one that comes up later', async () => {
    make({ floor: 2, ceiling: 2 });
    await fill(1);
    await pass(0);
    pool.close();
    started.at(-1)?.warm();
    await pass(0);
    expect(started.every(({ dismiss }) => dismiss.mock.calls.length > 0)).toBe(true);
    expect(pool.kernels.filter((kernel) => !(kernel as unknown as Kernel).dismiss.mock.calls.length)).toEqual([]);
  });
});
