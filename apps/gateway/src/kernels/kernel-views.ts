import type { Kernel, KernelModel, KernelView, WaitExplanation } from '#libs/contracts';

const time = (instant: number): string => new Date(instant).toISOString();
const timeOrNull = (instant: number | null): string | null => (instant === null ? null : time(instant));

/** As Jupyter's REST interface shows it. */
export const kernelModel = (kernel: Kernel, connections: number, wait?: WaitExplanation | null): KernelModel => ({
  id: kernel.id,
  name: kernel.kernelspec,
  last_activity: time(kernel.lastActivityAt),
  execution_state: kernel.phase === 'ended' ? 'dead' : kernel.executionState,
  connections,
  ...(kernel.phase === 'ended' ? { reason: kernel.detail || (kernel.endReason ?? '') } : {}),
  ...(wait ? { queue: wait } : {}),
});

const placeOf = ({ scheduling: { place } }: Kernel): KernelView['place'] =>
  place && { node: place.node, flavor: place.flavor, devices: place.devices };

/** As `/v1` shows it. Endpoint and environment stay inside. */
export const kernelView = (kernel: Kernel, connections: number): KernelView => ({
  id: kernel.id,
  owner: kernel.owner,
  project: kernel.project,
  instrument: kernel.instrument,
  kernelspec: kernel.kernelspec,
  priorityClass: kernel.priorityClass,
  queue: kernel.scheduling.queue,
  place: placeOf(kernel),
  wallSeconds: kernel.scheduling.wallSeconds,
  requests: kernel.requests,
  limits: kernel.launch.limits,
  phase: kernel.phase,
  executionState: kernel.phase === 'ended' ? 'dead' : kernel.executionState,
  endReason: kernel.endReason,
  detail: kernel.detail,
  submittedAt: time(kernel.submittedAt),
  admittedAt: timeOrNull(kernel.admittedAt),
  readyAt: timeOrNull(kernel.readyAt),
  endedAt: timeOrNull(kernel.endedAt),
  lastActivityAt: time(kernel.lastActivityAt),
  connections,
  ending: kernel.ending && { ...kernel.ending, at: time(kernel.ending.at) },
});
