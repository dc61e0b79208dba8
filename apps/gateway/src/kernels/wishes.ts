import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { type FieldError, PriorityClass } from '#libs/contracts';
import { invalid } from './requested-env.js';

/** What a client asks of its kernel beyond the kernelspec; absent where it leaves it to us. */
export interface KernelWishes {
  id?: string;
  owner?: string;
  project?: string;
  instrument?: string;
  workingDirectory?: string;
  launchTimeoutSeconds?: number;
  priorityClass?: PriorityClass;
  queue?: string;
  wallSeconds?: number;
  cpuMilli?: number;
  memoryBytes?: number;
  cpuLimitMilli?: number;
  memoryLimitBytes?: number;
  gpus?: number;
  gpusLimit?: number;
}

const MAX_LAUNCH_TIMEOUT_SECONDS = 3600;

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** `2`, `0.5` or `500m` CPUs, in millicores. @see Kubernetes resource quantities */
const cpus = (text: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)(m?)$/.exec(text.trim());
  const milli = Math.round(Number(match?.[1]) * (match?.[2] === 'm' ? 1 : 1000));
  return milli > 0 ? milli : undefined;
};

/** `4Gi`, `512M` or bytes. @see Kubernetes resource quantities */
const bytes = (text: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)([kMGT]|[KMGT]i)?$/.exec(text.trim());
  const value = Math.round(Number(match?.[1]) * (FACTORS[match?.[2] ?? ''] ?? Number.NaN));
  return value > 0 && Number.isSafeInteger(value) ? value : undefined;
};

const seconds = (text: string): number | undefined => {
  const value = Number(text);
  return value > 0 && value <= MAX_LAUNCH_TIMEOUT_SECONDS ? value : undefined;
};

const wallSeconds = (text: string): number | undefined => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined);

/** Names of users become names of folders. */
const userName = (text: string): string | undefined =>
  /^[^/\p{Cc}]{1,256}$/u.test(text) && !/^\.+$/.test(text) ? text : undefined;

/** `GpuRequest` knows of no more on one node. */
const MOST_GPUS = 64;

const gpus = (text: string): number | undefined =>
  /^\d{1,2}$/.test(text.trim()) && Number(text) <= MOST_GPUS ? Number(text) : undefined;

/** Reads the `KERNEL_*` variables that have a meaning. @throws InvalidRequest that names each that can't be read */
export const wishesFrom = (env: Readonly<Record<string, string>>, field: string): KernelWishes => {
  const errors: FieldError[] = [];
  const read = <T>(name: string, parse: (text: string) => T | undefined, expected: string): T | undefined => {
    const text = env[name];
    if (text === undefined || text === '') return undefined;
    const value = parse(text);
    if (value === undefined) errors.push({ field: `${field}.${name}`, message: `must be ${expected}` });
    return value;
  };
  const quantity = 'a quantity above 0 like 4Gi, 512M or a number of bytes';
  const share = 'a number of CPUs above 0 like 2, 0.5 or 500m';
  const devices = `a whole number of GPUs, at most ${MOST_GPUS}`;
  const wishes = {
    id: read('KERNEL_ID', (text) => z.uuidv4().safeParse(text).data?.toLowerCase(), 'a UUID of version 4'),
    owner: read('KERNEL_USERNAME', userName, 'a user name of at most 256 letters without a slash'),
    project: read('KERNEL_PROJECT', userName, 'the name of a project'),
    instrument: read('KERNEL_INSTRUMENT', userName, 'the name of an instrument'),
    workingDirectory: read('KERNEL_WORKING_DIR', (text) => (isAbsolute(text) ? text : undefined), 'an absolute path'),
    launchTimeoutSeconds: read(
      'KERNEL_LAUNCH_TIMEOUT',
      seconds,
      `a number of seconds above 0, at most ${MAX_LAUNCH_TIMEOUT_SECONDS}`,
    ),
    priorityClass: read(
      'KERNEL_PRIORITY_CLASS',
      (text) => PriorityClass.safeParse(text).data,
      `one of ${PriorityClass.options.join(', ')}`,
    ),
    queue: read('KERNEL_QUEUE', userName, 'the name of a queue'),
    wallSeconds: read('KERNEL_WALL_SECONDS', wallSeconds, 'a whole number of seconds above 0'),
    cpuMilli: read('KERNEL_CPUS', cpus, share),
    memoryBytes: read('KERNEL_MEMORY', bytes, quantity),
    cpuLimitMilli: read('KERNEL_CPUS_LIMIT', cpus, share),
    memoryLimitBytes: read('KERNEL_MEMORY_LIMIT', bytes, quantity),
    gpus: read('KERNEL_GPUS', gpus, devices),
    gpusLimit: read('KERNEL_GPUS_LIMIT', gpus, devices),
  };
  if (errors.length > 0) throw invalid(errors);
  return Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined));
};
