import { DEVICE_MILLI, type ShapeRequest } from '../placement/shape.js';

/**
 * An order of arrival by a seed: all tasks once, shuffled (Fisher-Yates from the end), then tasks drawn with replacement
 * until the next one's milli per device would pass `upTo` of the capacity. Drawn from mulberry32, so that the same seed
 * gives the same order everywhere.
 *
 * @param capacityMilli GPU of all nodes
 * @param upTo 1.3 in the protocol of FGD's authors
 * @returns indexes into `tasks`
 */
export function openbArrivals(
  tasks: readonly ShapeRequest[],
  capacityMilli: number,
  seed: number,
  upTo = 1.3,
): number[] {
  const random = mulberry32(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const order = tasks.map((_, index) => index);
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = below(last + 1);
    [order[last], order[other]] = [order[other] as number, order[last] as number];
  }
  if (!tasks.some(({ gpuCount }) => gpuCount > 0)) return order;
  let arrived = tasks.reduce((sum, { gpuCount, gpuMilli }) => sum + gpuCount * gpuMilli, 0);
  for (;;) {
    const index = below(tasks.length);
    const { gpuCount, gpuMilli } = tasks[index] as ShapeRequest;
    if (arrived + Math.min(gpuMilli, DEVICE_MILLI) > upTo * capacityMilli) return order;
    arrived += gpuCount * gpuMilli;
    order.push(index);
  }
}

/** Tommy Ettinger's generator of 32 bits of state; numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
