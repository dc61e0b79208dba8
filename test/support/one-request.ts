import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { call, type Gateway } from './gateway.js';
import { isOf, NumberedClient } from './numbered-client.js';
import type { KernelView } from './v1.js';

/** What became of a request. */
export interface Outcome {
  id: string;
  /** Times that its one cell was begun. */
  executions: number;
  /** How its kernel ended, as the last answer has it. */
  endReason: string | null;
  /** The sentence beside it. */
  detail: string;
}

const BETWEEN_TRIES_MS = 100;

/**
 * One kernel from its request to its end, as a client does it that never gives up: it asks again, through another
 * gateway, until it is answered, under the same ids.
 */
export class OneRequest {
  readonly id = randomUUID();
  #tries = 0;

  constructor(
    private readonly gateways: readonly Gateway[],
    private readonly kernelspec: string,
  ) {}

  async run(): Promise<Outcome> {
    await this.#ask('/v1/kernels', {
      method: 'POST',
      body: JSON.stringify({ id: this.id, kernelspec: this.kernelspec }),
    });
    const executions = await this.#execute();
    await this.#ask(this.#path, { method: 'DELETE' });
    const { endReason, detail } = await this.#until((kernel) => kernel.phase === 'ended');
    return { id: this.id, executions, endReason, detail };
  }

  get #path(): string {
    return `/v1/kernels/${this.id}`;
  }

  get #gateway(): Gateway {
    this.#tries += 1;
    return this.gateways[this.#tries % this.gateways.length] as Gateway;
  }

  /** Asks until the answer is one that asking again would not change. @throws Error where that is a refusal */
  async #ask(path: string, init: RequestInit = {}): Promise<Response> {
    for (;;) {
      const response = await call(this.#gateway, path, init).catch(() => undefined);
      if (response?.ok) return response;
      if (response !== undefined && response.status < 500) throw new Error(`${path}: ${await response.text()}`);
      await response?.body?.cancel();
      await delay(BETWEEN_TRIES_MS);
    }
  }

  async #until(wanted: (kernel: KernelView) => boolean, given?: AbortSignal): Promise<KernelView> {
    for (;;) {
      const kernel = (await (await this.#ask(this.#path)).json()) as KernelView;
      if (wanted(kernel) || given?.aborted) return kernel;
      await delay(BETWEEN_TRIES_MS);
    }
  }

  /** @returns how often the cell was begun, once it is answered or the kernel has ended */
  async #execute(): Promise<number> {
    const client = new NumberedClient(this.#gateway, this.id);
    const over = new AbortController();
    const ended = this.#until(({ phase }) => phase === 'ended', over.signal).then(() => undefined);
    const answered = this.#converse(client, over.signal);
    const request = await Promise.race([answered, ended]);
    over.abort();
    await client.close();
    if (request === undefined) return 0;
    // What has no number the gateway made, which shows below a cell why it waits.
    const begun = client.received.filter(
      (one) => one.number > 0 && isOf(one, request) && one.message.content['execution_state'] === 'busy',
    );
    return begun.length;
  }

  /** Has one cell executed, over as many sockets as that takes. @returns its id */
  async #converse(client: NumberedClient, given: AbortSignal): Promise<string> {
    let request: string | undefined;
    let done = new Promise<never>(() => undefined) as Promise<unknown>;
    while (!given.aborted) {
      const connected = client.connect(this.#gateway).then(
        () => true,
        () => false,
      );
      if (await Promise.race([connected, client.closed.then(() => false), done.then(() => false)])) {
        if (request === undefined) {
          request = client.execute('1 + 1');
          done = client.done(request);
        }
        await Promise.race([done.then(() => given.aborted), client.closed]);
      }
      if (request !== undefined && (await Promise.race([done.then(() => true), delay(BETWEEN_TRIES_MS, false)])))
        return request;
    }
    return '';
  }
}
