import { shapeOf } from '../placement/shape.js';
import type { CoreAction, Refusal } from './actions.js';
import type { CoreEvent, CoreWorkload } from './model.js';
import type { Running } from './running.js';
import type { FullState } from './state.js';

/** Tells the state of one event; repeats, and ids that it does not know, are ignored. */
export function apply(state: FullState, event: CoreEvent, actions: CoreAction[]): void {
  switch (event.kind) {
    case 'submitted':
      submit(state, structuredClone(event.workload), actions);
      return;
    case 'released':
      release(state, event.id);
      return;
    case 'idle':
    case 'busy': {
      const running = state.running.get(event.id);
      if (running) running.workload.lastBusyAt = event.kind === 'idle' ? event.since : null;
      return;
    }
    case 'node-added':
      if (state.flavorOfNode.has(event.node.id)) return;
      state.flavorOfNode.set(event.node.id, event.flavor);
      state.pool(event.flavor).addNode(structuredClone(event.node), state.now);
      return;
    case 'node-removed':
      removeNode(state, event.id, actions);
      return;
    case 'node-changed': {
      const flavor = state.flavorOfNode.get(event.id);
      if (flavor !== undefined) state.pool(flavor).setAvailability(event.id, event.availability, state.now);
      return;
    }
    case 'configured':
      state.configure(structuredClone(event.config));
      return;
    case 'tick':
  }
}

function submit(state: FullState, workload: CoreWorkload, actions: CoreAction[]): void {
  const { id } = workload;
  if (state.running.has(id) || state.lines.has(id)) return;
  const because = refusal(state, workload);
  if (because) actions.push({ kind: 'refuse', id, because });
  else state.lines.add(workload);
}

function refusal({ config }: FullState, workload: CoreWorkload): Refusal | undefined {
  const queue = config.queues.find(({ name }) => name === workload.queue);
  if (!queue) return 'no-queue';
  if (!config.classes.some(({ name }) => name === workload.class)) return 'no-class';
  if (queue.state === 'drain') return 'draining';
  try {
    shapeOf(workload.request);
  } catch {
    return 'no-shape';
  }
  return undefined;
}

function release(state: FullState, id: string): void {
  state.lines.remove(id);
  const running = state.running.get(id);
  if (running) end(state, running);
}

function end(state: FullState, running: Running): void {
  const { workload, flavor, amounts } = running;
  state.unbook(running);
  state.shares.ended(workload.queue, workload.user, flavor, amounts);
}

function removeNode(state: FullState, id: string, actions: CoreAction[]): void {
  const flavor = state.flavorOfNode.get(id);
  if (flavor === undefined) return;
  for (const running of [...state.running.values()]) {
    if (running.placement.node !== id) continue;
    end(state, running);
    actions.push({ kind: 'lost', id: running.workload.id });
  }
  state.flavorOfNode.delete(id);
  state.pool(flavor).removeNode(id, state.now);
}
