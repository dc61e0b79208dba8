import { z } from 'zod';
import { type CoreEvent, type CoreWorkload, type RunningPlace } from '../core/model.js';
import type { NodeSpec } from '../placement/node-state.js';
import type { ShapeRequest } from '../placement/shape.js';
import type { TypicalShape } from '../placement/typical-set.js';

const name = z.string().min(1);
const time = z.int();
const amount = z.int().min(0);

const Request: z.ZodType<ShapeRequest> = z.object({
  cpuMilli: amount,
  memoryBytes: amount,
  gpuCount: amount,
  gpuMilli: amount,
  gpuModels: z.array(name).exactOptional(),
  migProfile: name.exactOptional(),
});

const Shape: z.ZodType<TypicalShape> = z.object({
  cpuMilli: amount,
  gpuCount: amount,
  gpuMilli: amount,
  gpuModels: z.array(name).exactOptional(),
  migProfile: name.exactOptional(),
  count: amount,
});

const Workload: z.ZodType<CoreWorkload> = z.object({
  id: name,
  queue: z.string(),
  user: z.string(),
  project: z.string().nullable(),
  instrument: z.string().nullable(),
  class: z.string(),
  offset: z.int(),
  flavors: z.array(z.string()),
  request: Request,
  environment: z.string().nullable(),
  wallMs: time.nullable(),
  submittedAt: time,
  evictions: amount,
});

const Place: z.ZodType<RunningPlace> = z.object({
  flavor: z.string(),
  node: z.string(),
  devices: z.array(amount),
  migStart: amount.exactOptional(),
});

const Availability = z.enum(['open', 'last', 'cordoned']);
const Node: z.ZodType<NodeSpec> = z.object({
  id: name,
  cpuMilli: amount,
  memoryBytes: amount,
  gpu: z.object({ model: z.string(), devices: z.array(z.enum(['whole', 'share', 'mig'])) }).exactOptional(),
  places: amount.exactOptional(),
});

const Event = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('submitted'), workload: Workload }),
  z.object({
    kind: z.literal('running'),
    workload: Workload,
    place: Place.nullable(),
    startedAt: time,
    pays: z.boolean().exactOptional(),
  }),
  z.object({ kind: z.literal('released'), id: name }),
  z.object({ kind: z.literal('idle'), id: name, since: time }),
  z.object({ kind: z.literal('busy'), id: name }),
  z.object({ kind: z.literal('kept'), id: name }),
  z.object({ kind: z.literal('node-added'), flavor: z.string(), node: Node }),
  z.object({ kind: z.literal('node-removed'), id: name }),
  z.object({ kind: z.literal('node-changed'), id: name, availability: Availability }),
  z.object({
    kind: z.literal('configured'),
    config: z.custom<Extract<CoreEvent, { kind: 'configured' }>['config']>((value) => typeof value === 'object'),
  }),
  z.object({ kind: z.literal('typical'), shapes: z.array(Shape).readonly() }),
  z.object({ kind: z.literal('tick') }),
]);

/**
 * What the core is told, as it stands in a log. Of one that holds another configuration nothing more is looked at. Never, so
 * that it does not compile, where the core is told of something that is not read here.
 */
export const LoggedEvent: CoreEvent extends z.output<typeof Event> ? z.ZodType<CoreEvent> : never = Event;
