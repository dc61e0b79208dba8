import { fullCore } from '#libs/scheduling';
import { eventOf, type Scene } from './core-scenes.js';

const { State, step } = fullCore;

/** One step and what came of it. */
export interface Moment {
  state: fullCore.State;
  events: fullCore.CoreEvent[];
  now: number;
  result: fullCore.CoreStep;
}

const MOST_STILL = 500;

/** The world around a core: ends those that are evicted when they are due, puts back those that are requeued. */
export class Play {
  now = 0;
  /** Who was told to go, and when. */
  readonly leaving = new Map<string, { at: number; how: fullCore.EvictedAs; workload: fullCore.CoreWorkload }>();
  #next: number | null = null;
  /** Steps since time has passed. */
  #still = 0;

  constructor(
    readonly state: fullCore.State,
    private readonly look: (moment: Moment) => void,
  ) {}

  tell(events: fullCore.CoreEvent[]): fullCore.CoreStep {
    const result = step(this.state, events, this.now);
    for (const one of result.actions) {
      if (one.kind === 'warm') continue;
      const { kind, id, ...action } = one;
      const workload = this.state.running.get(id)?.workload;
      if (kind === 'evict' && workload) {
        const { at, how } = action as { at: number; how: fullCore.EvictedAs };
        this.leaving.set(id, { at, how, workload });
      } else if (kind === 'spare' || kind === 'lost') this.leaving.delete(id);
    }
    this.#next = result.lookAgainAt;
    this.look({ state: this.state, events, now: this.now, result });
    return result;
  }

  /** When something happens by itself. */
  get next(): number {
    return Math.min(this.#next ?? Infinity, ...[...this.leaving.values()].map(({ at }) => at));
  }

  /** Lets time pass, with all that happens until then by itself. */
  until(time: number): void {
    for (let next = this.next; next <= time; next = this.next) {
      if (next <= this.now && this.leaving.size === 0)
        throw new Error(`It asks to be called again at ${next}, which is now`);
      this.#still = next > this.now ? 0 : this.#still + 1;
      if (this.#still > MOST_STILL) throw new Error(`It never comes to rest at ${this.now}`);
      this.now = Math.max(this.now, next);
      this.tell(this.due());
    }
    this.now = Math.max(this.now, time);
  }

  /** Those who go now. */
  due(): fullCore.CoreEvent[] {
    const events: fullCore.CoreEvent[] = [];
    for (const [id, { at, how, workload }] of this.leaving) {
      if (at > this.now) continue;
      this.leaving.delete(id);
      if (this.state.running.get(id)?.workload !== workload || !this.state.running.get(id)?.leaving) continue;
      events.push({ kind: 'released', id });
      const again = how === 'requeue' || (how === 'reservation' && workload.class === 'batch');
      if (again) events.push({ kind: 'submitted', workload: { ...workload, evictions: workload.evictions + 1 } });
    }
    return events.length > 0 ? events : [{ kind: 'tick' }];
  }
}

/** Plays a scene; `look` sees the state after each step. */
export function play({ config, deeds }: Scene, look: (moment: Moment) => void): Play {
  const world = new Play(new State(structuredClone(config), 0), look);
  let events: fullCore.CoreEvent[] = [];
  for (const [at, deed] of deeds.entries()) {
    events.push(eventOf(deed, at, world.now, world.state));
    if (deed.waitMs === 0 && at < deeds.length - 1) continue;
    world.tell(events);
    world.until(world.now + deed.waitMs);
    events = [];
  }
  return world;
}
