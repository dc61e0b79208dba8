import { setTimeout as elapse } from 'node:timers/promises';
import { ChannelClient } from '../../support/channel-client.js';
import type { Gateway } from '../../support/gateway.js';
import { createKernel, endKernel } from '../../support/v1.js';

/** Starts that are under way at a time. */
const AT_A_TIME = 16;

/** How long a cell may take, its kernel's start with it. */
const PATIENCE_MS = 120_000;

/** Kernels of the null kind behind several gateways, each with one open socket; gateways take turns. */
export class KernelCrowd {
  readonly #members: { id: string; gateway: Gateway; client: ChannelClient }[] = [];
  /** From the POST to the reply of the first cell, of each start, milliseconds. */
  readonly times: number[] = [];
  /** What went wrong, in the words of who refused. */
  readonly problems: string[] = [];
  /** Sockets that closed before they were to. */
  dropped = 0;
  #closing = false;

  constructor(private readonly gateways: readonly Gateway[]) {}

  get size(): number {
    return this.#members.length;
  }

  /** Resolves when there are so many, or so many were tried. */
  async growTo(size: number): Promise<void> {
    let begun = this.#members.length;
    const work = async (): Promise<void> => {
      while (begun < size) {
        begun += 1;
        await this.#add(this.gateways[begun % this.gateways.length] as Gateway);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  }

  /** One more cell on every kernel. @returns how many answered */
  async executeAll(): Promise<number> {
    const answers = await Promise.allSettled(this.#members.map(({ client, id }) => answered(client, id)));
    return answers.filter(({ status }) => status === 'fulfilled').length;
  }

  /** Closes the sockets and ends the kernels. */
  async disperse(): Promise<void> {
    this.#closing = true;
    const members = this.#members.splice(0);
    const work = async (): Promise<void> => {
      for (let member = members.pop(); member !== undefined; member = members.pop()) {
        await member.client.close();
        await endKernel(member.gateway, member.id);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  }

  async #add(gateway: Gateway): Promise<void> {
    const began = performance.now();
    try {
      const { id } = await createKernel(gateway, { kernelspec: 'null' });
      const client = await ChannelClient.open(gateway, id);
      client.keeping = false;
      client.once('close', (code) => {
        if (this.#closing) return;
        this.dropped += 1;
        this.problems.push(`socket of ${id} closed with ${code}`);
      });
      await answered(client, id);
      this.times.push(performance.now() - began);
      this.#members.push({ id, gateway, client });
    } catch (error) {
      this.problems.push((error as Error).message);
    }
  }
}

/** Resolves when a cell was executed. @throws Error when it took too long */
async function answered(client: ChannelClient, id: string): Promise<void> {
  const given = new AbortController();
  const late = elapse(PATIENCE_MS, undefined, { signal: given.signal }).then(() => {
    throw new Error(`kernel ${id} did not answer within ${PATIENCE_MS / 1000} s`);
  });
  await Promise.race([client.execute('1 + 1'), late]).finally(() => given.abort());
}
