import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClientProxy } from '@nestjs/microservices';
import { CommandClient } from '#libs/bus';
import { Problem } from '#libs/contracts';
import { BusCommands, BusEvents, SECRET } from './bus.conformance.controller.js';

export interface BusUnderTest {
  /** A client of a running `BusConformanceController`. */
  proxy: ClientProxy;
  /** Takes the server away as its crash would. */
  endServer(): Promise<void>;
  close(): Promise<void>;
}

const failure = async (promise: Promise<unknown>): Promise<Error & Partial<Problem>> => {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('resolved where it should have failed');
};

/** What every transport of commands and events must do. */
export function busConformance(name: string, start: () => Promise<BusUnderTest>): void {
  describe(`bus conformance: ${name}`, () => {
    let bus: BusUnderTest;
    let client: CommandClient;

    beforeEach(async () => {
      bus = await start();
      client = new CommandClient(bus.proxy, { timeoutMs: 5_000 });
    });
    afterEach(() => bus.close());

    it('answers a command', async () => {
      const value = { text: 'é\u2028😀', list: [1, 2.5, null], deep: { flag: true } };
      expect(await client.send(BusCommands.echo, { value })).toEqual({ value });
    });

    it('passes copies, never the object itself', async () => {
      const value = { list: [1] };
      const reply = await client.send(BusCommands.echo, { value });
      value.list.push(2);
      expect(reply.value).toEqual({ list: [1] });
    });

    it('matches each reply to its request when many are under way', async () => {
      const asked = Array.from({ length: 200 }, (_, value) => value);
      const replies = await Promise.all(asked.map((value) => client.send(BusCommands.echo, { value })));
      expect(replies.map(({ value }) => value)).toEqual(asked);
    });

    it('brings a problem back as a problem, with its fields', async () => {
      const problem = await failure(client.send(BusCommands.refuse, { kernelId: 'k' }));
      expect(problem).toBeInstanceOf(Problem);
      expect(problem).toMatchObject({ code: 'conflict', status: 409, detail: 'That id is taken.' });
      expect(problem.fields).toEqual({ kernelId: 'k' });
    });

    it('tells nothing of a bug but that there was one', async () => {
      const error = await failure(client.send(BusCommands.crash, {}));
      expect(error).not.toBeInstanceOf(Problem);
      expect(`${error.message}${error.stack ?? ''}`).not.toContain(SECRET);
    });

    it('refuses input that breaks the contract before it is sent, naming the field', async () => {
      const problem = await failure(client.send(BusCommands.refuse, { kernelId: 7 } as never));
      expect(problem).toMatchObject({ code: 'invalid-request', fields: { errors: [{ field: 'kernelId' }] } });
    });

    it('does not hand on an answer that breaks the contract', async () => {
      const error = await failure(client.send(BusCommands.breakContract, {}));
      expect(error).not.toBeInstanceOf(Problem);
    });

    it('lets no live object pass', async () => {
      const reply = await client.send(BusCommands.alive, {}).catch((error: unknown) => error);
      expect(typeof (reply as { value?: unknown }).value).not.toBe('function');
    });

    it('says Unavailable when no answer comes in time', async () => {
      const impatient = new CommandClient(bus.proxy, { timeoutMs: 20 });
      expect(await failure(impatient.send(BusCommands.never, {}))).toMatchObject({ code: 'unavailable', status: 503 });
    });

    it('fails a command that nobody answers', async () => {
      const impatient = new CommandClient(bus.proxy, { timeoutMs: 200 });
      await failure(impatient.send(BusCommands.nobody, {}));
    });

    it('delivers events in the order they were told, before a command sent after them', async () => {
      const told = Array.from({ length: 500 }, (_, number) => number);
      const done = told.map((number) => client.emit(BusEvents.number, { number }));
      const { numbers } = await client.send(BusCommands.heard, {});
      await Promise.all(done);
      expect(numbers).toEqual(told);
    });

    it('rejects what is under way as Unavailable when the server goes', async () => {
      const pending = failure(client.send(BusCommands.never, {}));
      await client.send(BusCommands.echo, { value: 'the request before has arrived' });
      await bus.endServer();
      expect(await pending).toMatchObject({ code: 'unavailable' });
    });
  });
}
