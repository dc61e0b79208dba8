import { describe, expect, it } from '@jest/globals';
import { readSwf } from './swf.js';

/** A line of the format: number, submit, wait, run, allocated, cpu, memory, requested, estimate, and the rest. */
const line = (submit: number, run: number, allocated: number, requested: number, estimate: number): string =>
  ` 1 ${submit} -1 ${run} ${allocated} -1 -1 ${requested} ${estimate} -1 1 1 1 -1 1 -1 -1 -1`;
const read = (lines: string[], arrivalFactor = 1) => readSwf(lines.join('\n'), { processors: 64, arrivalFactor });

describe('reading a trace', () => {
  it('goes by submit time, from the first on, ties by the file', () => {
    const { jobs } = read(['; Version: 2.2', line(30, 1, 3, 3, 9), '', line(10, 2, 1, 1, 9), line(30, 3, 5, 5, 9)]);
    expect(jobs.map(({ index, submitMs, size }) => [index, submitMs, size])).toEqual([
      [0, 0, 1],
      [1, 20_000, 3],
      [2, 20_000, 5],
    ]);
  });

  it('takes what was requested for the size, else what was allocated, and the run for the estimate where none is', () => {
    const { jobs } = read([line(0, 60, 4, 8, 100), line(0, 60, 4, -1, -1)]);
    expect(jobs.map(({ size, runMs, estimateMs }) => [size, runMs, estimateMs])).toEqual([
      [8, 60_000, 100_000],
      [4, 60_000, 60_000],
    ]);
  });

  it('lets jobs run no longer than their estimates', () => {
    expect(read([line(0, 60, 4, 4, 50)]).jobs[0]).toMatchObject({ runMs: 50_000, estimateMs: 50_000 });
  });

  it('drops what never ran, has no size or is larger than the machine', () => {
    const { jobs, dropped } = read([
      line(0, 0, 4, 4, 50),
      line(0, 9, 65, 65, 50),
      line(0, 9, -1, -1, 5),
      line(5, 9, 64, 64, 9),
    ]);
    expect([jobs.length, dropped, jobs[0]?.submitMs]).toEqual([1, 3, 0]);
  });

  it('scales arrivals alone, halves to the even millisecond', () => {
    const { jobs } = read([line(100, 60, 1, 1, 60), line(101, 60, 1, 1, 60), line(103, 60, 1, 1, 60)], 0.0005);
    expect(jobs.map(({ submitMs, runMs }) => [submitMs, runMs])).toEqual([
      [0, 60_000],
      [0, 60_000],
      [2, 60_000],
    ]);
  });

  it.each(['1 2 3', '1 x -1 60 4 -1 -1 4 50', 'nothing'])('names the line that is no job: %s', (wrong) => {
    expect(() => read([line(0, 60, 4, 4, 50), wrong])).toThrow(/line 2 is no job/);
  });
});
