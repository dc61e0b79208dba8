import { setTimeout as elapse } from 'node:timers/promises';
import { cpuPercent } from '../service-cost.js';
import { proportionalSetSize } from '../subjects.js';
import { withServices } from './bench-services.js';
import type { Part } from './part.js';

/** Long enough for what the start left behind to be collected. */
const SETTLE_MS = 5_000;
const MOST_MEGABYTES = 120;

/** Memory and CPU of each service that nobody uses. */
export const cost =
  ({ quietSeconds }: { quietSeconds: number }): Part =>
  (note, say) =>
    withServices(async ({ services }) => {
      await elapse(SETTLE_MS);
      for (const { name, pid } of services)
        note(`${name}, PSS at rest`, 'MB', proportionalSetSize(pid) / 1e6, { most: MOST_MEGABYTES });
      say(`CPU at rest over ${quietSeconds} s`);
      const percents = await cpuPercent(
        services.map(({ pid }) => pid),
        quietSeconds,
      );
      for (const [at, percent] of percents.entries())
        note(`${services[at]?.name}, CPU at rest`, '% of a core', percent);
    });
