import type { Placement } from '../placement/placement.js';
import type { CoreAction } from './actions.js';
import type { Pending } from './line.js';
import { nominationHold, type Pool } from './pool.js';
import type { Running } from './running.js';
import type { FullState } from './state.js';

/** How much longer than their grace those who leave may take. */
const SLACK_MS = 120_000;

/** Tells the victims to go, and keeps for the workload what it will need beside what they have. */
export function nominate(
  state: FullState,
  { workload, durationMs, group }: Pending,
  { flavor, placement, victims }: { flavor: string; placement: Placement; victims: readonly Running[] },
  actions: CoreAction[],
): void {
  const { now } = state;
  const pool = state.pool(flavor);
  const at = now + state.config.graceMs;
  const held = freePartOf(pool, placement);
  for (const part of held) pool.nodes.take(part);
  const { amounts } = group.ask;
  const more = amounts.map((amount, axis) =>
    Math.max(0, amount - victims.reduce((sum, victim) => sum + (victim.amounts[axis] as number), 0)),
  );
  state.ledger.take(workload.queue, flavor, more);
  const free = held.reduce(
    (sum, part) =>
      [sum[0] + part.devices.length * part.gpuMilli, sum[1] + part.cpuMilli, sum[2] + part.memoryBytes] as const,
    [0, 0, 0] as readonly [number, number, number],
  );
  if (free.some((amount) => amount > 0))
    pool.profile.hold(nominationHold(workload.id), { amounts: free, from: now, to: now + durationMs, lapses: true });
  const evictedAmounts = amounts.map((_, axis) => victims.reduce((sum, one) => sum + (one.amounts[axis] as number), 0));
  state.evicted.push({ at: now, amounts: evictedAmounts });
  for (const victim of victims) {
    const how = state.classOf(victim.workload)?.evict === 'requeue' ? 'requeue' : 'reclaim';
    victim.leaving = { how, for: workload.id, at };
    actions.push({ kind: 'evict', id: victim.workload.id, how, for: workload.id, at });
  }
  state.nominations.set(workload.id, {
    ...{ workload: { id: workload.id, queue: workload.queue }, flavor, placement, held, more },
    ...{ victims: victims.map(({ workload: { id } }) => id), ghosts: [], until: at + SLACK_MS },
  });
}

/** Gives back what was kept for it, and spares those who have not left yet. */
export function dissolve(state: FullState, id: string, actions: CoreAction[]): void {
  const nomination = state.nominations.get(id);
  if (!nomination) return;
  state.nominations.delete(id);
  const { flavor, workload, ghosts, held, more, victims } = nomination;
  const pool = state.pool(flavor);
  for (const ghost of ghosts) state.unbook(ghost);
  for (const part of held) if (pool.nodes.node(part.node)) pool.nodes.release(part);
  pool.profile.release(nominationHold(id));
  state.ledger.release(workload.queue, flavor, more);
  for (const victim of victims) {
    const running = state.running.get(victim);
    if (running?.leaving?.for !== id) continue;
    running.leaving = null;
    actions.push({ kind: 'spare', id: victim });
  }
}

/** One that was told to go has ended: its place stays booked for who made it go. @returns whether it is kept so */
export function leaveGhost(state: FullState, running: Running): boolean {
  const nomination = running.leaving && state.nominations.get(running.leaving.for);
  if (!nomination) return false;
  const { id } = running.workload;
  nomination.victims = nomination.victims.filter((one) => one !== id);
  nomination.ghosts.push(running);
  return true;
}

/** What of a place is free now, in parts that can be booked. */
function freePartOf({ nodes }: Pool, { node, cpuMilli, memoryBytes, devices, gpuMilli, mig }: Placement): Placement[] {
  const state = nodes.node(node);
  if (!state) return [];
  const parts: Placement[] = [];
  const cpu = Math.min(cpuMilli, state.cpuFree);
  const memory = Math.min(memoryBytes, state.memoryFree);
  const places = Math.min(1, state.placesFree);
  if (cpu > 0 || memory > 0 || places > 0)
    parts.push({ node, cpuMilli: cpu, memoryBytes: memory, devices: [], gpuMilli: 0, places });
  // Which slices of a MIG device are free is not ours to split.
  if (mig) return parts;
  for (const device of devices) {
    const free = Math.min(gpuMilli, state.free[device] ?? 0);
    if (free > 0) parts.push({ node, cpuMilli: 0, memoryBytes: 0, devices: [device], gpuMilli: free, places: 0 });
  }
  return parts;
}
