import { jest } from '@jest/globals';
import fc from 'fast-check';
import { fullCore, readDayLog, replayDayLog } from '#libs/scheduling';
import { arbitraryScene } from './core-scenes.js';
import { play } from './play.js';

const RUNS = process.env['BEAMGATE_FULL'] === '1' ? 100_000 : 1_000;
// Nothing is timed: the long run takes some minutes.
jest.setTimeout(3_600_000);

it('I3: a log, begun at any of its states, comes to the same starts, and ends of others', () => {
  fc.assert(
    fc.property(arbitraryScene, fc.integer({ min: 1, max: 12 }), fc.nat(20), (scene, every, from) => {
      const lines: object[] = [];
      const starts: string[] = [];
      let evictions = 0;
      let before: fullCore.Snapshot = fullCore.snapshot(new fullCore.State(structuredClone(scene.config), 0));
      const leaving = new Set<string>();
      play(scene, ({ state, events, now, result }) => {
        const seq = lines.length;
        const origin = seq % every === 0 ? { version: 0, config: null, state: before } : null;
        lines.push({ kind: 'step', seq, epoch: 1, at: now, origin, events: structuredClone(events) });
        before = fullCore.snapshot(state);
        const first = from - (from % every);
        for (const event of events)
          if (event.kind === 'released' && leaving.has(event.id) && seq >= first) evictions += 1;
        for (const action of result.actions)
          if (action.kind === 'start' && seq >= first)
            starts.push([action.id, now, action.node, ...action.devices].join(' '));
        leaving.clear();
        for (const [id, running] of state.running) if (running.leaving) leaving.add(id);
      });
      const steps = lines.slice(from - (from % every));
      if (steps.length === 0) return;
      const header = { kind: 'log', format: 1, from: null, to: null };
      const log = [header, ...steps].map((line) => JSON.stringify(line)).join('\n');
      const again = replayDayLog(readDayLog(log));
      expect(again.starts.map(({ id, at, node, devices }) => [id, at, node, ...devices].join(' '))).toEqual(starts);
      const { reclaimed, requeued } = again.evictions;
      expect(reclaimed + requeued).toBe(evictions);
    }),
    { numRuns: RUNS },
  );
});
