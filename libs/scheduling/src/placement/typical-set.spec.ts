import { describe, expect, it } from '@jest/globals';
import { typicalSet } from './typical-set.js';

const task = (cpuMilli: number, gpuCount: number, gpuMilli: number, gpuModels: string[] = []) => ({
  cpuMilli,
  gpuCount,
  gpuMilli,
  gpuModels,
});
const times = <T>(count: number, value: T): T[] => Array(count).fill(value);

describe('the typical set', () => {
  it('is the most frequent shapes until they make up the part that is asked for', () => {
    const past = [
      ...times(60, task(1, 1, 500)),
      ...times(34, task(2, 0, 0)),
      ...times(3, task(3, 1, 1000)),
      ...times(3, task(4, 2, 1000)),
    ];
    const counts = (cover?: number) => typicalSet(past, cover).map(({ cpuMilli, count }) => [cpuMilli, count]);
    expect(counts()).toEqual([
      [1, 60],
      [2, 34],
      [4, 3],
    ]);
    expect(counts(0.94)).toHaveLength(2);
    expect(counts(0.6)).toHaveLength(1);
    expect(counts(1)).toHaveLength(4);
  });

  it('takes the larger of equally frequent shapes, whatever the order of the past', () => {
    const past = [task(1, 1, 500, ['T4', 'A10']), task(1, 1, 500), task(1, 1, 600)];
    const wanted = [
      [600, ''],
      [500, 'A10|T4'],
      [500, ''],
    ];
    for (const order of [past, [...past].reverse()]) {
      expect(typicalSet(order, 1).map(({ gpuMilli, gpuModels }) => [gpuMilli, gpuModels?.join('|')])).toEqual(wanted);
    }
  });

  it('knows one shape by its models, in whatever order they are named', () => {
    const past = [task(1, 1, 500, ['T4', 'A10']), task(1, 1, 500, ['A10', 'T4', 'T4'])];
    expect(typicalSet(past)).toEqual([{ ...task(1, 1, 500, ['A10', 'T4']), count: 2 }]);
  });

  it('is empty where nothing has passed', () => expect(typicalSet([])).toEqual([]));
});
