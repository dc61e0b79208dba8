/** What grounds an expectation: how long places are held here. Times in milliseconds. */
export interface Holding {
  /** How long each kernel held its place, of those that ended lately. */
  observed: readonly number[];
  /** How long each kernel that could make room has held its place by now. */
  elapsed: readonly number[];
}

/** Fewer observations ground nothing. */
const LEAST_OBSERVED = 10;
const EARLY = 0.2;
const LATE = 0.8;

/**
 * When the `turn`-th place becomes free (1 is the next), as a band; null where nothing grounds one.
 *
 * Each holder's remaining time is taken from the observed times that are longer than it has held its place already (the
 * empirical distribution given survival): its 20 % and 80 % quantiles. The band goes from the `turn`-th shortest of the
 * early to the `turn`-th shortest of the late ones. A holder that outlasted all that was observed grounds nothing.
 *
 * @param now  ms since the epoch
 * @see Downey, "Predicting queue times on space-sharing parallel computers", IPPS 1997: remaining time given age
 */
export function expectedStart(
  { observed, elapsed }: Holding,
  turn: number,
  now: number,
): { earliest: number; latest: number } | null {
  if (observed.length < LEAST_OBSERVED) return null;
  const sorted = [...observed].sort((one, other) => one - other);
  const remaining = elapsed.flatMap((age) => {
    const longer = sorted.filter((time) => time > age);
    return longer.length === 0 ? [] : [{ early: quantile(longer, EARLY) - age, late: quantile(longer, LATE) - age }];
  });
  const early = remaining.map((one) => one.early).sort((one, other) => one - other)[turn - 1];
  const late = remaining.map((one) => one.late).sort((one, other) => one - other)[turn - 1];
  return early === undefined || late === undefined ? null : { earliest: now + early, latest: now + late };
}

/** Nearest rank. */
const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
