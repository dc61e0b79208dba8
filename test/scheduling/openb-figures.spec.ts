import { expect, it } from '@jest/globals';
import { rankedGradientPolicy } from '#libs/scheduling';
import { describeWithData } from './describe-with-data.js';
import { ARRIVALS, CAPACITY, listFile, mean, NODES, replay, SEEDS } from './openb.js';
import { sharedText } from './shared-data.js';

const EXPECTED = 'golden/expected.json';
const PUBLISHED = 'fgd-expected/analysis_allo_discrete.csv.gz';

/** Allocation at 130 % arrived, mean over the authors' runs of FGD on a list. */
function publishedFgd(list: string): number {
  const [head = '', ...lines] = sharedText(PUBLISHED).trim().split('\n');
  const at = head.split(',').indexOf('130');
  const runs = lines
    .map((line) => line.split(','))
    .filter(
      ([workload, policy, tune]) => workload === `openb_pod_list_${list}` && policy?.endsWith('FGD') && tune === '1.3',
    );
  expect(runs).toHaveLength(10);
  return mean(runs.map((fields) => Number(fields[at])));
}

/** In percent, 0.05 to 0.1 below what each list reaches today: a change that costs more than that is to be noticed. */
const reached = {
  default: 96,
  cpu050: 96,
  gpushare40: 94.6,
  gpushare100: 87.4,
  gpuspec33: 95.7,
  multigpu50: 97.7,
};
const lists = Object.keys(reached) as (keyof typeof reached)[];

const figures = new Map<string, number[]>();

/** Allocation per seed. */
function ours(list: string): number[] {
  const known = figures.get(list) ?? SEEDS.map((seed) => replay(list, seed, rankedGradientPolicy(), false).allocation);
  figures.set(list, known);
  return known;
}

describeWithData(
  'our policy on openb, by its defaults',
  [NODES, ARRIVALS, EXPECTED, PUBLISHED, ...lists.map(listFile)],
  () => {
    it.each(lists)('reaches on %s what it has reached', (list) => {
      expect(mean(ours(list))).toBeGreaterThanOrEqual(reached[list]);
    });

    it.each(lists)('is not below FGD as published on %s', (list) => {
      expect(mean(ours(list))).toBeGreaterThanOrEqual(publishedFgd(list));
    });

    it.each(['default', 'gpuspec33'])('is above FGD on %s with every seed', (list) => {
      const golden = JSON.parse(sharedText(EXPECTED))[`openb_pod_list_${list}`].seeds;
      const fgd = SEEDS.map((seed) => (100 * golden[seed]['fgd-1st'].allocMilli) / CAPACITY);
      expect(SEEDS.filter((_, index) => (ours(list)[index] as number) > (fgd[index] as number))).toEqual(SEEDS);
    });
  },
);
