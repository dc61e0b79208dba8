import { Forbidden, NeverFits, type Profile, type Resources } from '#libs/contracts';
import type { KernelWishes } from './wishes.js';

const GiB = 1024 ** 3;
const cpuText = (milli: number): string => `${milli / 1000} CPUs`;
const memoryText = (bytes: number): string => `${Math.round((bytes / GiB) * 100) / 100} GiB of memory`;

/** One resource: the limit may be lowered, the request moved up to the limit. */
const sized = (
  text: (amount: number) => string,
  profile: { request: number; limit: number | null },
  wish: { request: number | undefined; limit: number | undefined },
): { request: number; limit: number | null } => {
  const most = profile.limit ?? Number.POSITIVE_INFINITY;
  for (const amount of [wish.request, wish.limit])
    if (amount !== undefined && amount > most)
      throw new Forbidden(`${text(amount)} is more than this profile allows, ${text(most)}.`);
  const limit = wish.limit ?? profile.limit;
  const request = wish.request ?? Math.min(profile.request, limit ?? profile.request);
  if (limit !== null && request > limit)
    throw new Forbidden(`A request of ${text(request)} is above the limit of ${text(limit)}.`);
  return { request, limit };
};

/**
 * What a kernel books and may not pass: its profile, as far as the wishes move it.
 *
 * @param capacity  all that may be booked here
 * @throws Forbidden for wishes beyond the profile; NeverFits where it can't run here at any time
 */
export const sizeOf = (profile: Profile, wishes: KernelWishes, capacity: Resources): Profile => {
  const cpu = sized(
    cpuText,
    { request: profile.requests.cpuMilli, limit: profile.limits.cpuMilli },
    { request: wishes.cpuMilli, limit: wishes.cpuLimitMilli },
  );
  const memory = sized(
    memoryText,
    { request: profile.requests.memoryBytes, limit: profile.limits.memoryBytes },
    { request: wishes.memoryBytes, limit: wishes.memoryLimitBytes },
  );
  const requests = { cpuMilli: cpu.request, memoryBytes: memory.request };
  if (requests.cpuMilli > capacity.cpuMilli || requests.memoryBytes > capacity.memoryBytes)
    throw new NeverFits(
      `This kernel asks for ${cpuText(requests.cpuMilli)} and ${memoryText(requests.memoryBytes)}, ` +
        `and all that is here is ${cpuText(capacity.cpuMilli)} and ${memoryText(capacity.memoryBytes)}.`,
      { requested: requests, limit: capacity },
    );
  return { requests, limits: { cpuMilli: cpu.limit, memoryBytes: memory.limit } };
};
