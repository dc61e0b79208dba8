import type { ShapeRequest } from './shape.js';

/** A shape of past work with the number of tasks that had it; memory is left out. */
export interface TypicalShape extends Omit<ShapeRequest, 'memoryBytes'> {
  count: number;
}

/** What work usually looks like: the measure of what a free device is good for. */
export type TypicalSet = readonly TypicalShape[];

/**
 * The most frequent shapes of past work, until they make up `cover` of it. Shapes without a GPU count: a GPU is lost on
 * them. Their counts stand for weights, so that all that is computed from them stays in integers.
 *
 * @param cover in (0, 1]
 * @see Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 4
 */
export function typicalSet(past: Iterable<Omit<ShapeRequest, 'memoryBytes'>>, cover = 0.95): TypicalSet {
  const groups = new Map<string, TypicalShape>();
  let all = 0;
  for (const { cpuMilli, gpuMilli, gpuCount, gpuModels, migProfile } of past) {
    all += 1;
    const models = [...new Set(gpuModels)].sort();
    const key = `${cpuMilli}/${gpuMilli}/${gpuCount}/${migProfile ?? ''}/${models.join('|')}`;
    const group = groups.get(key);
    if (group) group.count += 1;
    else {
      const mig = migProfile === undefined ? {} : { migProfile };
      groups.set(key, { cpuMilli, gpuMilli, gpuCount, gpuModels: models, ...mig, count: 1 });
    }
  }
  const typical: TypicalShape[] = [];
  let covered = 0;
  for (const group of [...groups.values()].sort(moreFrequent)) {
    if (covered >= cover * all) break;
    typical.push(group);
    covered += group.count;
  }
  return typical;
}

/** By count, then by key, both descending. */
function moreFrequent(a: TypicalShape, b: TypicalShape): number {
  const numbers = b.count - a.count || b.cpuMilli - a.cpuMilli || b.gpuMilli - a.gpuMilli || b.gpuCount - a.gpuCount;
  return numbers || (text(a) < text(b) ? 1 : -1);
}
const text = ({ gpuModels = [], migProfile = '' }: TypicalShape): string => `${gpuModels.join('|')}/${migProfile}`;
