import { dayFigures } from './day-figures.js';
import type { DayOutcome } from './day-recorder.js';
import type { SimulationResult } from './report.js';

/** What is simulated begins at 0; nothing was logged before then. */
const LONG_AGO = Date.UTC(2000, 0);

/** A day ready to be shown: of its GPUs, where there are none of its CPUs. */
export function dayReport(
  outcome: DayOutcome,
  { title, parameters }: Pick<SimulationResult, 'title' | 'parameters'>,
): SimulationResult {
  const { from, waits, gpuMilli, cpuMilli } = outcome;
  const to = Math.max(outcome.to, from + 1);
  const most = (levels: DayOutcome['gpuMilli']): number =>
    levels.total.reduce((top, { amount }) => Math.max(top, amount), 0);
  const shown = most(gpuMilli) > 0 ? gpuMilli : cpuMilli;
  const capacity = Math.max(1, most(shown));
  const away = shown.total.map(({ at, amount }) => ({ at, amount: capacity - amount }));
  return {
    ...{ title, parameters, figures: dayFigures(outcome), from, to, capacity, waits },
    allocated: shown.allocated,
    waiting: outcome.waiting,
    clock: from > LONG_AGO,
    unallocated: { ...shown.unallocated, ...(away.some(({ amount }) => amount > 0) ? { 'nodes are away': away } : {}) },
    of: shown === gpuMilli ? 'GPUs' : 'CPUs',
  };
}
