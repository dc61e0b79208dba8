import type { Axis } from './model.js';

/** An amount for people. */
export function amountText(axis: Axis, amount: number): string {
  if (axis === 'gpuMilli') return `${amount / 1000} GPUs`;
  return axis === 'cpuMilli' ? `${amount / 1000} CPUs` : `${Number((amount / 1024 ** 3).toFixed(2))} GiB of memory`;
}
