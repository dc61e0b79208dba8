/** A whole device, in milli. */
export const DEVICE_MILLI = 1_000;

/** What one task asks of one node. Integers; the field names are those of a task's resources. */
export interface ShapeRequest {
  cpuMilli: number;
  memoryBytes: number;
  /** Devices; 0: no GPU. */
  gpuCount: number;
  /** Of each device: 1000 is a whole one, less is a share, which asks for one device only. 0 where `gpuCount` is 0. */
  gpuMilli: number;
  /** GPU models that will do, any of them; empty or absent: every model. */
  gpuModels?: readonly string[];
  /** A MIG profile by NVIDIA's name, such as `2g.10gb`; asks for one instance, and `gpuMilli` is then ignored. */
  migProfile?: string;
}

/** A request that is known to a node set: equal requests are the same object. */
export interface Shape extends Readonly<ShapeRequest> {
  readonly key: string;
  readonly models: ReadonlySet<string> | null;
  readonly kind: ShapeKind;
}
export type ShapeKind = 'cpu' | 'share' | 'whole' | 'mig';

/** Equal for requests that ask for the same, in whatever order and however often their models are named. */
export function shapeKey({ cpuMilli, memoryBytes, gpuCount, gpuMilli, gpuModels, migProfile }: ShapeRequest): string {
  const models = gpuCount > 0 ? [...new Set(gpuModels)].sort().join('|') : '';
  return `${cpuMilli}/${memoryBytes}/${gpuCount}/${migProfile ?? gpuMilli}/${models}`;
}

/** @throws RangeError where the request is none: negative, broken, more than one share, a share beyond a device */
export function shapeOf(request: ShapeRequest): Shape {
  const { cpuMilli, memoryBytes, gpuCount, gpuMilli, gpuModels = [], migProfile } = request;
  const wrong = (what: string): never => {
    throw new RangeError(`A shape of ${what}: ${JSON.stringify(request)}`);
  };
  for (const amount of [cpuMilli, memoryBytes, gpuCount, gpuMilli]) {
    if (!Number.isSafeInteger(amount) || amount < 0) wrong('a negative or broken amount');
  }
  const kind = kindOf(request);
  if (gpuMilli > DEVICE_MILLI || (kind !== 'mig' && gpuCount > 0 && gpuMilli === 0)) wrong('no part of a device');
  if ((kind === 'mig' && gpuCount !== 1) || (gpuMilli < DEVICE_MILLI && gpuCount > 1)) wrong('more than one share');
  const models = kind === 'cpu' || gpuModels.length === 0 ? null : new Set(gpuModels);
  return Object.freeze({
    cpuMilli,
    memoryBytes,
    gpuCount,
    gpuMilli: kind === 'cpu' || kind === 'mig' ? 0 : gpuMilli,
    ...(models ? { gpuModels: [...models].sort() } : {}),
    ...(migProfile === undefined ? {} : { migProfile }),
    key: shapeKey(request),
    models,
    kind,
  });
}

function kindOf({ gpuCount, gpuMilli, migProfile }: ShapeRequest): ShapeKind {
  if (migProfile !== undefined) return 'mig';
  if (gpuCount === 0) return 'cpu';
  return gpuMilli < DEVICE_MILLI ? 'share' : 'whole';
}
