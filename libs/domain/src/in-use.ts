/** CPU time of a kernel's processes, and when it was read, ms. */
export interface CpuReading {
  at: number;
  cpuSeconds: number;
}

/**
 * Whether a kernel computes although it says that it is idle: a thread or child of its own may. A new process since the
 * first reading, whose time begins anew, counts as use.
 *
 * @param percent  of one core, above which it is in use; 0: nothing but its state counts
 */
export function inUse(first: CpuReading, second: CpuReading, percent: number): boolean {
  if (percent === 0) return false;
  const cpu = second.cpuSeconds - first.cpuSeconds;
  const seconds = (second.at - first.at) / 1000;
  return cpu < -0.01 || (seconds > 0 && cpu / seconds > percent / 100);
}
