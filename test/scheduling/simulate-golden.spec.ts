import { expect, it } from '@jest/globals';
import { simulateCommand } from '#apps/cli/src/simulate.command';
import { describeWithData } from './describe-with-data.js';
import { ARRIVALS, listFile, NODES, SEEDS } from './openb.js';
import { sharedPath, sharedText } from './shared-data.js';
import { GOLDEN_POLICIES, goldenCases } from './trace-files.js';

async function simulate(...options: readonly (string | number)[]) {
  let printed = '';
  const command = simulateCommand((text) => {
    printed += text;
  });
  await command.parseAsync([...options.map(String), '--json'], { from: 'user' });
  return JSON.parse(printed);
}

const SWF_NAMES = { fcfs: 'fcfs', easy: 'easy', 'easy-sjbf': 'sjbf' } as const;
const SWF = 'swf/HPC2N-2002-first3170.swf.gz';

describeWithData('beamgate simulate on recorded jobs', ['golden/backfill.json', SWF], () => {
  const cases = goldenCases.filter(({ trace }) => SWF.endsWith(trace));
  it.each(cases.flatMap((golden) => GOLDEN_POLICIES.map((policy) => ({ golden, policy, at: golden.arrivalFactor }))))(
    'starts each job when the reference does: $policy, arrivals x $at',
    async ({ golden, policy }) => {
      const { processors, arrivalFactor } = golden;
      const machine = ['--processors', processors, '--factor', arrivalFactor];
      const told = await simulate('--trace', sharedPath(SWF), ...machine, '--policy', SWF_NAMES[policy]);
      const expected = golden.policies[policy];
      expect(told.metrics).toMatchObject({
        jobs: golden.jobs,
        sumOfStartsMs: expected.sumStartMs,
        makespanMs: expected.makespanMs,
        longestWaitMs: expected.maxWaitMs,
      });
      expect(told.startsSha256).toBe(expected.startsSha256);
      expect(told.starts).toHaveLength(golden.jobs);
    },
  );

  it('slows jobs down less than EASY by our own policy', async () => {
    const told = await simulate('--trace', sharedPath(SWF), '--processors', 240);
    expect(told.metrics.meanBoundedSlowdown).toBeLessThan(cases[0]?.policies.easy.averageBoundedSlowdown as number);
  });
});

const EXPECTED = 'golden/expected.json';
const TASKS = listFile('default');

describeWithData('beamgate simulate on recorded tasks', [NODES, ARRIVALS, EXPECTED, TASKS], () => {
  const replayed = (...options: readonly (string | number)[]) =>
    simulate('--trace', sharedPath(TASKS), '--nodes', sharedPath(NODES), ...options);
  const byRow = (row: number, policy: string) =>
    replayed('--arrivals', sharedPath(ARRIVALS), '--arrivals-row', row, '--policy', policy);
  const golden = (row: number) =>
    JSON.parse(sharedText(EXPECTED))['openb_pod_list_default'].seeds[SEEDS[row] as number];

  it.each([
    { policy: 'best-fit', name: 'bestfit-1st', row: 0 },
    { policy: 'fgd', name: 'fgd-1st', row: 0 },
    { policy: 'fgd', name: 'fgd-1st', row: 9 },
  ])('allocates what the reference does: $policy, order $row', async ({ policy, name, row }) => {
    const { metrics, placements } = await byRow(row, policy);
    const { allocMilli, failed } = golden(row)[name];
    expect(metrics).toMatchObject({ allocatedMilli: allocMilli, failed, arrivals: golden(row).arrivals });
    expect(placements.filter(({ placement }: { placement: unknown }) => placement === null)).toHaveLength(failed);
  });

  it('allocates more by our own policy', async () => {
    expect((await byRow(0, 'beamgate')).metrics.allocatedMilli).toBeGreaterThan(golden(0)['fgd-1st'].allocMilli);
  });
});
