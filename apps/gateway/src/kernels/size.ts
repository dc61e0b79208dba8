import { Forbidden, GpuRequest, type Profile, type ResourceLimits, type Resources } from '#libs/contracts';
import { invalid } from './requested-env.js';
import type { KernelWishes } from './wishes.js';

const GiB = 1024 ** 3;
const cpuText = (milli: number): string => `${milli / 1000} CPUs`;
const memoryText = (bytes: number): string => `${Math.round((bytes / GiB) * 100) / 100} GiB of memory`;

interface Amounts {
  request: number | undefined;
  limit: number | undefined;
}

/** One resource: the limit may be lowered, the request moved up to the limit. */
function sized(
  variable: string,
  text: (amount: number) => string,
  profile: { request: number; limit: number | null },
  wish: Amounts,
): { request: number; limit: number | null } {
  const most = profile.limit ?? Number.POSITIVE_INFINITY;
  const wished = { [`env.${variable}`]: wish.request, [`env.${variable}_LIMIT`]: wish.limit };
  for (const [field, amount] of Object.entries(wished))
    if (amount !== undefined && amount > most)
      throw new Forbidden(`${field}: ${text(amount)} is more than this profile allows, ${text(most)}.`);
  const limit = wish.limit ?? profile.limit;
  const request = wish.request ?? Math.min(profile.request, limit ?? profile.request);
  if (limit !== null && request > limit)
    throw new Forbidden(`env.${variable}: a request of ${text(request)} is above the limit of ${text(limit)}.`);
  return { request, limit };
}

/** Whole devices; of a profile that gives a part of one, that part or nothing. */
function gpuOf({ requests: { gpu }, limits }: Profile, { request, limit }: Amounts): GpuRequest | undefined {
  if (request !== undefined && limit !== undefined && request !== limit)
    throw invalid([{ field: 'env.KERNEL_GPUS_LIMIT', message: `must be ${request} as KERNEL_GPUS, or be left out` }]);
  const [count, field] = request === undefined ? [limit, 'env.KERNEL_GPUS_LIMIT'] : [request, 'env.KERNEL_GPUS'];
  if (count === undefined) return gpu;
  const isPart = gpu !== undefined && (gpu.milli < 1000 || gpu.migProfile !== null);
  const most = Math.min(limits.gpus ?? Number.POSITIVE_INFINITY, isPart ? 1 : Number.POSITIVE_INFINITY);
  if (count > most) {
    const part = isPart ? ', which gives a part of a GPU' : '';
    throw new Forbidden(`${field}: ${count} GPUs are more than this profile allows${part}, ${most}.`);
  }
  return count === 0 ? undefined : { ...(gpu ?? GpuRequest.parse({})), count };
}

/**
 * What a kernel books and may not pass: its profile, as far as the wishes move it. Whether that ever fits is for who knows
 * the nodes.
 *
 * @throws Forbidden for wishes beyond the profile, by their variable
 */
export function sizeOf(profile: Profile, wishes: KernelWishes): { requests: Resources; limits: ResourceLimits } {
  const { requests, limits } = profile;
  const cpu = sized(
    'KERNEL_CPUS',
    cpuText,
    { request: requests.cpuMilli, limit: limits.cpuMilli },
    { request: wishes.cpuMilli, limit: wishes.cpuLimitMilli },
  );
  const memory = sized(
    'KERNEL_MEMORY',
    memoryText,
    { request: requests.memoryBytes, limit: limits.memoryBytes },
    { request: wishes.memoryBytes, limit: wishes.memoryLimitBytes },
  );
  const gpu = gpuOf(profile, { request: wishes.gpus, limit: wishes.gpusLimit });
  return {
    requests: { cpuMilli: cpu.request, memoryBytes: memory.request, ...(gpu ? { gpu } : {}) },
    limits: { cpuMilli: cpu.limit, memoryBytes: memory.limit },
  };
}
