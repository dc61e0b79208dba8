import type { SchedulingConfig } from '#libs/contracts';
import { coreConfigOf, type SpareRequest } from '../config/core-config.js';
import { restoreFull } from '../core/snapshot.js';
import { type DayOutcome, DayRecorder } from '../simulate/day-recorder.js';
import { HistoryWatch } from './history-watch.js';
import type { LogOrigin } from './log-line.js';
import { movedNode, movedWorkload } from './moved.js';
import type { DayLog } from './read-day-log.js';
import { type LogMoment, type LogWatch, replayLog } from './replay-log.js';
import { replayWhatIf } from './what-if.js';

/** What the core decided in a day: the same again, or what it would have decided under another configuration. */
export function replayDayLog(log: DayLog, config?: SchedulingConfig): DayOutcome {
  const recorder = new DayRecorder(log.from);
  if (!config) {
    replayLog(log, [new OutcomeWatch(recorder)]);
    return recorder.outcome(log.to);
  }
  const history = new HistoryWatch();
  replayLog(log, [history]);
  const origin = log.steps[0]?.origin;
  if (!origin) throw new Error('The first step needs an origin');
  const before = restoreFull(origin.state);
  replayWhatIf(
    history,
    {
      ...{ config: coreConfigOf(config, spareRequests(origin)), before, to: log.to },
      workloadOf: (ask) => movedWorkload(ask.workload, ask.config, config),
      flavorOf: (node) => movedNode(node, config),
    },
    recorder,
  );
  return recorder.outcome(log.to);
}

/** Profiles are settings of the service, which the log has not: what pools had is known by those of then. */
function spareRequests({ config, state }: LogOrigin): SpareRequest {
  const known = new Map(
    (config?.pools ?? []).flatMap(({ environment, flavor, profile }) => {
      const pool = state.config.pools.find((one) => one.environment === environment && one.flavor === flavor);
      return pool ? [[profile, pool.request] as const] : [];
    }),
  );
  return (profile) => known.get(profile);
}

class OutcomeWatch implements LogWatch {
  constructor(private readonly recorder: DayRecorder) {}

  before({ at, state, events, anew }: Omit<LogMoment, 'result'>): void {
    for (const event of events) {
      const leaving = event.kind === 'released' ? state.running.get(event.id)?.leaving : null;
      if (event.kind === 'released' && leaving) {
        this.recorder.evicted(leaving.how, leaving.for, at);
      }
      // What a core that was made anew is told of may have waited long.
      if (event.kind === 'submitted' && !anew) this.recorder.asked(event.workload.id, at);
    }
  }

  after({ at, state, result }: LogMoment): void {
    this.recorder.stepped(state, result, at);
  }
}
