import type { Channel, ConsumeMessage } from 'amqplib';

/** A message on the channel that it came by; only there it can be acknowledged. */
export interface Delivery {
  channel: Channel;
  message: ConsumeMessage;
}

const REMEMBERED = 20_000;

/**
 * Which messages are worked on and which events are done, by message id, so that one that is delivered again, over a new
 * connection or by a publisher who missed the confirmation, is not worked on twice. What a crash of ours forgets is the
 * matter of the inbox in the store.
 */
export class Deliveries {
  readonly #working = new Map<string, Delivery[]>();
  /** In the order they were done. */
  readonly #done = new Set<string>();
  #idle: (() => void)[] = [];

  /** @returns whether to work on it; else it is done, or ends with the one that is worked on */
  begin(id: string, delivery: Delivery): 'work' | 'wait' | 'done' {
    if (this.#done.has(id)) return 'done';
    const others = this.#working.get(id);
    if (others) others.push(delivery);
    else this.#working.set(id, [delivery]);
    return others ? 'wait' : 'work';
  }

  /** By which the message came last, the one whose channel lives if any does. */
  latest(id: string): Delivery | undefined {
    return this.#working.get(id)?.at(-1);
  }

  /** @returns all deliveries of it, to be acknowledged; `remember` it where it may come again */
  end(id: string, { remember }: { remember: boolean }): Delivery[] {
    const deliveries = this.#working.get(id) ?? [];
    this.#working.delete(id);
    if (remember) this.#remember(id);
    this.#told();
    return deliveries;
  }

  /** Resolves when nothing is worked on. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#told();
    });
  }

  #remember(id: string): void {
    this.#done.add(id);
    const [oldest] = this.#done;
    if (oldest !== undefined && this.#done.size > REMEMBERED) this.#done.delete(oldest);
  }

  #told(): void {
    if (this.#working.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
