/** Memory slices of a device; a mask of taken ones has the lowest slice in bit 0. */
export const MIG_SLICES = 8;

/** Where an instance of a profile may begin, and how many memory slices it takes from there. */
export interface MigProfile {
  readonly starts: readonly number[];
  readonly slices: number;
}

/**
 * NVIDIA's seven shapes, the same on all generations but for the names. Instances are legal together when their memory
 * slices do not overlap; the seven compute slices are then never passed.
 *
 * @see NVIDIA Multi-Instance GPU user guide, "Supported MIG profiles"; `nvidia-smi mig --list-gpu-instance-possible-placements`
 */
const shapes = {
  '1g': { starts: [0, 1, 2, 3, 4, 5, 6], slices: 1 },
  '1g wide': { starts: [0, 2, 4, 6], slices: 2 },
  '2g': { starts: [0, 2, 4], slices: 2 },
  '3g': { starts: [0, 4], slices: 4 },
  '4g': { starts: [0], slices: 4 },
  '7g': { starts: [0], slices: 8 },
} as const satisfies Record<string, MigProfile>;

const named = (small: number, wide: number, half: number, all: number): ReadonlyMap<string, MigProfile> =>
  new Map<string, MigProfile>([
    [`1g.${small}gb`, shapes['1g']],
    [`1g.${wide}gb`, shapes['1g wide']],
    [`2g.${wide}gb`, shapes['2g']],
    [`3g.${half}gb`, shapes['3g']],
    [`4g.${half}gb`, shapes['4g']],
    [`7g.${all}gb`, shapes['7g']],
  ]);

/** Profiles by GPU model, GB of memory in the model's name where it comes with several. */
export const migProfiles: ReadonlyMap<string, ReadonlyMap<string, MigProfile>> = new Map([
  ['A100-40', named(5, 10, 20, 40)],
  ['A100-80', named(10, 20, 40, 80)],
  ['H100', named(10, 20, 40, 80)],
  ['H200', named(18, 35, 71, 141)],
]);

export const migMask = ({ slices }: MigProfile, start: number): number => ((1 << slices) - 1) << start;

/** Whether an instance that begins at `start` is legal beside those that hold `taken`. */
export const migLegal = (profile: MigProfile, start: number, taken: number): boolean =>
  profile.starts.includes(start) && (migMask(profile, start) & taken) === 0;

/** Whether a device with the slices `taken` can hold one more instance. */
export const migFits = (profile: MigProfile, taken: number): boolean =>
  profile.starts.some((start) => (migMask(profile, start) & taken) === 0);

/** Free memory slices as milli of the device: what a MIG device counts for in sums. */
export function migFreeMilli(taken: number): number {
  let free = 0;
  for (let slice = 0; slice < MIG_SLICES; slice += 1) free += (taken >> slice) & 1 ? 0 : 1;
  return (free * 1_000) / MIG_SLICES;
}
