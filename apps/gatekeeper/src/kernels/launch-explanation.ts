import type { Kernel, WaitExplanation } from '#libs/contracts';

/** Fewer starts than these ground no number: as with the ends of kernels. */
const ENOUGH = 8;
const [EARLY, LATE] = [0.1, 0.9];

/**
 * What becomes of a kernel that has its place and is not ready yet: since when, and until when. The band goes from the tenth
 * to the ninetieth percentile of the starts of its kernelspec that took longer than this one has taken so far.
 *
 * @param startsMs   from admission to readiness, of earlier kernels of its kernelspec
 * @param hindrance  what keeps the launcher from starting any: then nothing grounds a band
 * @returns `warm-starting` where the core gave it the place of a spare, else `launching`
 */
export function launchExplanation(
  kernel: Kernel,
  startsMs: readonly number[],
  now: number,
  hindrance: string | null = null,
): WaitExplanation {
  const { scheduling, kernelspec, launch } = kernel;
  const since = kernel.admittedAt ?? now;
  const elapsed = Math.max(0, now - since);
  const longer = startsMs.filter((ms) => ms > elapsed).sort((a, b) => a - b);
  const at = (share: number): number => longer[Math.round(share * (longer.length - 1))] as number;
  const band =
    longer.length < ENOUGH || hindrance !== null ? null : { earliest: since + at(EARLY), latest: since + at(LATE) };
  const where = scheduling.place === null ? '' : ` on ${scheduling.place.node}`;
  const warm = scheduling.warm ? ' A warm kernel is kept for it there, which it takes over if that is ready.' : '';
  return {
    ...{ position: 1, of: 1, reason: scheduling.warm ? 'warm-starting' : 'launching', since, expectedStart: band },
    text: `The kernel has its place${where} and is starting, for ${seconds(elapsed)} s now.${warm} ${hindrance ?? usual()}`,
  };

  function usual(): string {
    if (band) {
      const [from, to] = [seconds(band.earliest - since), seconds(band.latest - since)];
      return `Kernels of ${kernelspec} are usually ready ${from === to ? from : `${from} to ${to}`} s after they got their place.`;
    }
    if (startsMs.length < ENOUGH) return 'When it is ready is unknown: too few like it have started here.';
    const sooner = startsMs.length - longer.length;
    return `That is long: of the last ${startsMs.length} of ${kernelspec}, ${sooner} were ready by then. It is stopped after ${launch.launchTimeoutSeconds} s.`;
  }
}

/** Tenths where they count. */
const seconds = (ms: number): string => (ms < 9_950 ? (ms / 1_000).toFixed(1) : Math.round(ms / 1_000).toString());
