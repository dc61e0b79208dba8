import { DEVICE_MILLI } from './shape.js';
import type { TypicalSet } from './typical-set.js';

/**
 * What of a device with so much free will never be used, in milli, if typical work were put on it at random until nothing
 * fits: by free milli, 0 to 1000. CPU is not looked at, nor are models.
 */
export function expectedLeftover(typical: TypicalSet): Float64Array {
  const counts = new Map<number, number>();
  for (const { gpuMilli, count } of typical)
    if (gpuMilli > 0) counts.set(gpuMilli, (counts.get(gpuMilli) ?? 0) + count);
  const left = new Float64Array(DEVICE_MILLI + 1);
  for (let free = 1; free <= DEVICE_MILLI; free += 1) {
    let [fitting, sum] = [0, 0];
    for (const [milli, count] of counts) {
      if (milli > free) continue;
      fitting += count;
      sum += count * (left[free - milli] as number);
    }
    left[free] = fitting > 0 ? sum / fitting : free;
  }
  return left;
}
