import { NO_NODE } from '../placement/placement.js';
import { shapeOf } from '../placement/shape.js';
import type { CoreAction, Refusal } from './actions.js';
import { amountsOf } from './amounts-of.js';
import type { CoreEvent, CoreWorkload, RunningPlace } from './model.js';
import { leaveGhost } from './nominate.js';
import type { Running } from './running.js';
import type { FullState } from './state.js';

/** Since it was evicted one may not evict from its evictor's queue for so long. */
const GRUDGE_MS = 1_800_000;

/** Tells the state of one event; repeats, and ids that it does not know, are ignored. */
export function apply(state: FullState, event: CoreEvent, actions: CoreAction[]): void {
  switch (event.kind) {
    case 'submitted':
      submit(state, structuredClone(event.workload), actions);
      return;
    case 'running':
      take(state, structuredClone(event));
      return;
    case 'released':
      release(state, event.id);
      return;
    case 'idle':
    case 'busy':
    case 'kept':
      use(state, event);
      return;
    case 'node-added':
      if (state.flavorOfNode.has(event.node.id)) return;
      state.flavorOfNode.set(event.node.id, event.flavor);
      state.pool(event.flavor).addNode(structuredClone(event.node));
      state.capacityChanged();
      return;
    case 'node-removed':
      removeNode(state, event.id, actions);
      return;
    case 'node-changed': {
      const flavor = state.flavorOfNode.get(event.id);
      if (flavor !== undefined) state.pool(flavor).setAvailability(event.id, event.availability);
      return;
    }
    case 'configured':
      state.configure(structuredClone(event.config));
      return;
    case 'typical':
      state.learn(structuredClone(event.shapes));
      return;
    case 'tick':
  }
}

function submit(state: FullState, workload: CoreWorkload, actions: CoreAction[]): void {
  const { id } = workload;
  if (state.running.has(id) || state.waiting.get(id)) return;
  const because = refusal(state, workload);
  if (because) actions.push({ kind: 'refuse', id, because });
  else {
    state.waiting.add(workload, state.now);
    state.spares.asked(workload, state.now);
  }
}

function refusal(state: FullState, workload: CoreWorkload): Refusal | undefined {
  const queue = state.queue(workload.queue);
  if (!queue) return 'no-queue';
  if (!state.classOf(workload)) return 'no-class';
  // One that was evicted is not new.
  if (queue.state === 'drain' && workload.evictions === 0) return 'draining';
  try {
    shapeOf(workload.request);
  } catch {
    return 'no-shape';
  }
  return undefined;
}

function take(
  state: FullState,
  { workload, place, startedAt, pays = false }: Extract<CoreEvent, { kind: 'running' }>,
): void {
  const { id, request } = workload;
  if (state.running.has(id)) return;
  state.waiting.remove(id);
  const found = place === null ? somewhere(state, workload) : heldAt(state, workload, place);
  if (!found) return;
  const lease = state.classOf(workload)?.leaseMs ?? 1;
  const until = startedAt + Math.max(1, workload.wallMs ?? lease);
  const fresh = { reservation: null, lent: false, clippedBy: null, idleSince: null, kept: false, leaving: null };
  state.book({ workload, ...found, amounts: amountsOf(request), startedAt, until, ...fresh }, pays);
}

/** What it holds of the place that it had. */
function heldAt(
  state: FullState,
  { request }: CoreWorkload,
  { flavor, node, devices, migStart }: RunningPlace,
): Pick<Running, 'flavor' | 'placement'> | undefined {
  const { nodes } = state.pool(flavor);
  if (!nodes.node(node)) return undefined;
  const { cpuMilli, memoryBytes, gpuMilli, migProfile } = request;
  const mig = migProfile === undefined ? {} : { mig: { profile: migProfile, start: migStart ?? 0 } };
  const placement = { node, cpuMilli, memoryBytes, devices, gpuMilli: mig.mig ? 0 : gpuMilli, ...mig };
  try {
    nodes.trial(() => nodes.take(placement));
    return { flavor, placement };
  } catch {
    return { flavor, placement: { ...placement, node: NO_NODE } };
  }
}

/** The best place for one that runs wherever it does; without room, of the sum of the first of its flavors. */
function somewhere(
  state: FullState,
  { flavors, request }: CoreWorkload,
): Pick<Running, 'flavor' | 'placement'> | undefined {
  const all = flavors.length > 0 ? flavors : state.config.flavors;
  for (const flavor of all) {
    const { nodes } = state.pool(flavor);
    const placement = nodes.place(nodes.shape(request));
    if (placement) return { flavor, placement };
  }
  const [flavor] = all;
  const { cpuMilli, memoryBytes } = request;
  return flavor === undefined
    ? undefined
    : { flavor, placement: { node: NO_NODE, cpuMilli, memoryBytes, devices: [], gpuMilli: 0 } };
}

function release(state: FullState, id: string): void {
  state.waiting.remove(id);
  const running = state.running.get(id);
  if (!running) return;
  state.end(running);
  rememberEviction(state, running);
  if (!leaveGhost(state, running)) state.unbook(running);
}

function rememberEviction(state: FullState, { workload, leaving }: Running): void {
  const evictor = leaving && state.nominations.get(leaving.for);
  if (leaving?.how !== 'requeue' || !evictor) return;
  state.grudges.set(workload.id, { queue: evictor.workload.queue, until: state.now + GRUDGE_MS });
}

function use(state: FullState, event: Extract<CoreEvent, { kind: 'idle' | 'busy' | 'kept' }>): void {
  const running = state.running.get(event.id);
  if (!running) return;
  if (event.kind === 'idle') running.idleSince = event.since;
  else if (event.kind === 'busy') {
    running.idleSince = null;
    running.kept = false;
  } else if (running.kept) return;
  else running.kept = true;
  // One that was used since, or is kept, stays; who was to have its place has to look anew.
  const idleMs = state.classOf(running.workload)?.idleMs ?? 0;
  const isRipe = running.idleSince !== null && running.idleSince + idleMs <= state.now && !running.kept;
  if (!isRipe && running.leaving?.how === 'reclaim') running.leaving = null;
}

function removeNode(state: FullState, id: string, actions: CoreAction[]): void {
  const flavor = state.flavorOfNode.get(id);
  if (flavor === undefined) return;
  const pool = state.pool(flavor);
  for (const running of [...(pool.byNode.get(id) ?? [])]) {
    if (state.running.get(running.workload.id) === running) {
      state.end(running);
      actions.push({ kind: 'lost', id: running.workload.id });
    }
    running.leaving = null;
    const ghostOf = [...state.nominations.values()].find(({ ghosts }) => ghosts.includes(running));
    if (ghostOf) ghostOf.ghosts = ghostOf.ghosts.filter((one) => one !== running);
    state.unbook(running);
  }
  state.flavorOfNode.delete(id);
  pool.removeNode(id);
  state.capacityChanged();
}
