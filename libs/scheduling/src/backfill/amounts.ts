/**
 * Amounts of one flavor's resources, by the axes of its capacity profile: always as many entries, in the same order (for
 * instance GPU milli, CPU milli, memory bytes). Safe integers.
 */
export type Amounts = readonly number[];

/** Whether each of `wanted` is there. */
export function within(wanted: Amounts, free: Amounts): boolean {
  for (let axis = 0; axis < wanted.length; axis += 1) {
    if ((wanted[axis] as number) > (free[axis] as number)) return false;
  }
  return true;
}
