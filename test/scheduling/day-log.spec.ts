import { jest } from '@jest/globals';
import fc from 'fast-check';
import { type DayLog, type DayStart, fullCore, readDayLog, replayDayLog } from '#libs/scheduling';
import type { Ask } from '../../libs/scheduling/src/day-log/history.js';
import { HistoryWatch } from '../../libs/scheduling/src/day-log/history-watch.js';
import { replayLog } from '../../libs/scheduling/src/day-log/replay-log.js';
import { replayWhatIf } from '../../libs/scheduling/src/day-log/what-if.js';
import { DayRecorder } from '../../libs/scheduling/src/simulate/day-recorder.js';
import { arbitraryScene, type Scene } from './core-scenes.js';
import { play } from './play.js';

const RUNS = process.env['BEAMGATE_FULL'] === '1' ? 100_000 : 1_000;
// Nothing is timed: the long run takes up to two hours for a property.
jest.setTimeout(8 * 3_600_000);

interface Step {
  seq: number;
  at: number;
  origin: object | null;
  events: fullCore.CoreEvent[];
}
const told = ({ id, at, node, devices }: DayStart): string => [id, at, node, ...devices].join(' ');

/** What a scene looks like in a log with an origin every so many steps, and what it came to from a step on. */
function logOf(scene: Scene, every = 1_000, first = 0): { steps: Step[]; starts: string[]; evictions: number } {
  const steps: Step[] = [];
  const starts: string[] = [];
  let evictions = 0;
  let before = fullCore.snapshot(new fullCore.State(structuredClone(scene.config), 0));
  let leaving = new Set<string>();
  play(scene, ({ state, events, now, result }) => {
    const seq = steps.length;
    const origin = seq % every === 0 ? { version: 0, config: null, state: before } : null;
    steps.push({ seq, at: now, origin, events: structuredClone(events) });
    before = fullCore.snapshot(state);
    if (seq >= first) {
      evictions += events.filter((event) => event.kind === 'released' && leaving.has(event.id)).length;
      for (const action of result.actions)
        if (action.kind === 'start') starts.push([action.id, now, action.node, ...action.devices].join(' '));
    }
    leaving = new Set([...state.running].flatMap(([id, running]) => (running.leaving ? [id] : [])));
  });
  return { steps: steps.slice(first), starts, evictions };
}

it('I3: a log, begun at any of its states, comes to the same starts, and ends of others', () => {
  fc.assert(
    fc.property(arbitraryScene, fc.integer({ min: 1, max: 12 }), fc.nat(20), (scene, every, from) => {
      const { steps, starts, evictions } = logOf(scene, every, from - (from % every));
      if (steps.length === 0) return;
      const header = { kind: 'log', format: 1, from: null, to: null };
      const lines = [header, ...steps.map((step) => ({ kind: 'step', epoch: 1, ...step }))];
      const again = replayDayLog(readDayLog(lines.map((line) => JSON.stringify(line)).join('\n')));
      expect(again.starts.map(told)).toEqual(starts);
      const { reclaimed, requeued } = again.evictions;
      expect(reclaimed + requeued).toBe(evictions);
    }),
    { numRuns: RUNS },
  );
});

/** Nobody is evicted, and what is asked for and ends does not hang on what is decided. */
const plainScene = arbitraryScene.map(({ config, deeds }) => ({
  config: {
    ...config,
    ...{ reservations: [], pools: [] },
    classes: config.classes.map((one) => ({ ...one, evict: 'never' as const })),
  },
  deeds: deeds.flatMap((deed) => {
    const what = ({ idle: 'submit', busy: 'tick', kept: 'tick', configure: 'typical' } as const)[deed.what as 'idle'];
    return { ...deed, what: what ?? deed.what };
  }),
}));

it('comes to the same starts under the same configuration, from what people and machines did alone', () => {
  let compared = 0;
  fc.assert(
    fc.property(plainScene, (scene) => {
      const { steps, starts } = logOf(scene);
      // Of two steps at one moment the second may undo what the first would have decided; here they are one.
      const times = steps.map(({ at }) => at);
      if (new Set(times).size < times.length || steps.length === 0) return;
      compared += 1;
      const history = new HistoryWatch();
      const log = { from: 0, to: times.at(-1) ?? 0, steps } as unknown as DayLog;
      replayLog(log, [history]);
      const recorder = new DayRecorder();
      const before = new fullCore.State(structuredClone(scene.config), 0);
      // In scenes nobody ends what has run for as long as it promised.
      const was = new Map(history.asks.map((ask) => [ask.id, ask.workload]));
      const asks = history.asks.map((ask): Ask => ({ ...ask, workload: { ...ask.workload, wallMs: null } }));
      const workloadOf = ({ id, workload }: Ask) => was.get(id) ?? workload;
      const { nodes, typical } = history;
      replayWhatIf(
        { asks, nodes, typical },
        { config: scene.config, before, to: log.to, workloadOf, flavorOf: ({ flavor }) => flavor },
        recorder,
      );
      expect(recorder.outcome(log.to).starts.map(told)).toEqual(starts);
    }),
    { numRuns: RUNS },
  );
  expect(compared).toBeGreaterThan(RUNS / 4);
});
