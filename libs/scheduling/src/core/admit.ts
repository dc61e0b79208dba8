import type { Cycle } from './cycle.js';

/** Starts in order all that may start, until each flavor has its protected heads. */
export function admitInOrder(cycle: Cycle): void {
  const { refused, state } = cycle;
  for (let pending = cycle.first(); pending; pending = cycle.first()) {
    const answer = cycle.attempt(pending, true);
    if (answer === undefined) continue;
    if (Array.isArray(answer)) {
      cycle.wait(pending, answer);
      continue;
    }
    refused.push({ pending, reason: answer });
    const { group } = pending;
    if (answer.code === 'QueueHeld') state.ranking.closeLine(group.ask.line);
    else if (answer.code === 'UserCap' || answer.code === 'Deactivated') state.ranking.closeGroup(group);
    else state.ranking.closeAsk(group.ask);
  }
}
