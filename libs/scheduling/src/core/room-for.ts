import { barred, isRoom, roomOn } from './attempt.js';
import { Heads } from './heads.js';
import type { CoreWorkload } from './model.js';
import type { Never } from './never-fits-text.js';
import type { Pool } from './pool.js';
import type { FullState } from './state.js';
import { Waiting } from './waiting.js';

/** What makes a workload hopeless, however long it waits; undefined: nothing that the core knows. */
export function neverStarts(state: FullState, workload: CoreWorkload): Never | undefined {
  const pending = pendingOf(state, workload);
  const against = barred(state, pending);
  if (against?.code === 'NeverFits') return against;
  const queue = state.queue(workload.queue);
  const over = queue && state.holdings.overCap(queue, workload, pending.group.ask.amounts, true);
  return over && { code: 'UserCap', ...over };
}

/** How many like it would start at once if they came now, `most` at most. */
export function startableNow(state: FullState, workload: CoreWorkload, most: number): number {
  const pending = pendingOf(state, workload);
  if (barred(state, pending)) return 0;
  for (const flavor of workload.flavors) {
    const pool = state.pools.get(flavor);
    if (!pool || pool.nodes.size === 0) continue;
    const { promised } = pool;
    const heads = new Heads(pool, 0, state.now, (id) => state.waiting.get(id) !== undefined, true);
    try {
      if (isRoom(roomOn(state, pending, pool, undefined))) return placesFor(pool, workload, most);
    } finally {
      heads.settle();
      pool.promised = promised;
    }
  }
  return 0;
}

const placesFor = ({ nodes }: Pool, { request }: CoreWorkload, most: number): number =>
  nodes.trial(() => {
    let count = 0;
    for (
      let place = nodes.place(nodes.shape(request));
      place && count < most;
      place = nodes.place(nodes.shape(request))
    ) {
      nodes.take(place);
      count += 1;
    }
    return count;
  });

/** As it would wait, in a line of its own. */
function pendingOf(state: FullState, workload: CoreWorkload) {
  const alone = new Waiting();
  alone.configure(state.config.classes, state.now);
  alone.add(workload, state.now);
  const pending = alone.get(workload.id);
  if (!pending) throw new Error('It was added just now');
  return pending;
}
