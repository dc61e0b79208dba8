import type { ClassConfig, CoreWorkload, ReservationConfig } from './model.js';
import type { Pool } from './pool.js';

/** Whether it is for such as this one. */
export const isOwner = (
  { owner }: ReservationConfig,
  workload: Pick<CoreWorkload, 'queue' | 'user' | 'project' | 'instrument'>,
): boolean =>
  (['queue', 'user', 'project', 'instrument'] as const).every(
    (kind) => owner[kind] === undefined || owner[kind] === workload[kind],
  );

export const runs = ({ from, to }: ReservationConfig, now: number): boolean => from <= now && now < to;

/** Whether it owns a reservation of the flavor that runs. */
export const ownsOn = (pool: Pool | undefined, workload: Parameters<typeof isOwner>[1], now: number): boolean =>
  pool?.reservations.some((one) => runs(one, now) && isOwner(one, workload)) ?? false;

/**
 * Of the reservations that run, those whose capacity one may take: its own, and those that are lent because their owners
 * left them unused, where it can be made to go again.
 */
export function claimsOn(
  { reservations }: Pool,
  workload: CoreWorkload,
  { evict }: ClassConfig,
  now: number,
): { usable: string[]; own: string | null } {
  if (reservations.length === 0) return NONE;
  const running = reservations.filter((one) => runs(one, now));
  const own = running.find((one) => isOwner(one, workload));
  if (own) return { usable: [own.id], own: own.id };
  const lent = evict === 'never' ? [] : running.filter(({ from, graceMs }) => from + graceMs <= now);
  return { usable: lent.map(({ id }) => id), own: null };
}
const NONE = { usable: [] as string[], own: null };

/** When reservations change what may start. */
export function edgesOf({ from, to, leadMs, graceMs }: ReservationConfig): number[] {
  return [from - leadMs, from, from + graceMs, to];
}
