import type { Amounts } from '../backfill/amounts.js';
import { AXES, type Axis, CAPPED, type Capped, type CoreWorkload, type QueueConfig } from './model.js';

/** What is over a cap. */
export interface OverCap {
  of: Capped;
  /** Of the user, the project or the instrument. */
  name: string;
  axis: 'workloads' | Axis;
  asked: number;
  limit: number;
}

/** What each user, project and instrument holds in each queue. */
export class Holdings {
  readonly #held = new Map<string, { workloads: number; amounts: number[] }>();

  of(queue: string, of: Capped, name: string): { readonly workloads: number; readonly amounts: Amounts } {
    return this.#held.get(keyOf(queue, of, name)) ?? NOTHING;
  }

  add({ queue, ...workload }: CoreWorkload, amounts: Amounts, sign: 1 | -1): void {
    for (const kind of CAPPED) {
      const name = workload[kind];
      if (name === null) continue;
      const key = keyOf(queue, kind, name);
      const { workloads, amounts: held } = this.of(queue, kind, name);
      if (workloads + sign <= 0) this.#held.delete(key);
      else
        this.#held.set(key, {
          workloads: workloads + sign,
          amounts: held.map((each, axis) => each + sign * (amounts[axis] as number)),
        });
    }
  }

  /** The first cap that the workload would be over. @param alone  if nobody held anything: it never starts */
  overCap(
    { name: queue, caps }: QueueConfig,
    workload: Readonly<Record<Capped, string | null>>,
    amounts: Amounts,
    alone = false,
  ): OverCap | undefined {
    for (const kind of CAPPED) {
      const [cap, name] = [caps[kind], workload[kind]];
      if (!cap || name === null) continue;
      const held = alone ? NOTHING : this.of(queue, kind, name);
      if (cap.workloads !== undefined && held.workloads >= cap.workloads)
        return { of: kind, name, axis: 'workloads', asked: 1, limit: cap.workloads };
      for (const [at, axis] of AXES.entries()) {
        const limit = cap[axis];
        const asked = amounts[at] as number;
        if (limit !== undefined && asked > 0 && (held.amounts[at] as number) + asked > limit)
          return { of: kind, name, axis, asked, limit };
      }
    }
    return undefined;
  }
}

const NOTHING = { workloads: 0, amounts: AXES.map(() => 0) };
const keyOf = (queue: string, of: Capped, name: string): string => `${queue}\n${of}\n${name}`;
