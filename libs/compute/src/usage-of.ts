import { KernelUsage } from '#libs/contracts';

/** @param stats  what an agent says of its kernel. @returns undefined for none, or what can't be read */
export function usageOf(stats: Record<string, unknown> | undefined): KernelUsage | undefined {
  if (stats === undefined) return undefined;
  const quietMs = Math.round(Number(stats['quietSeconds']) * 1000);
  return KernelUsage.safeParse({ state: stats['state'], quietMs, cpuSeconds: stats['cpuSeconds'] }).data;
}
