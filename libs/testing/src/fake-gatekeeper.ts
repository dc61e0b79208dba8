import type { z } from 'zod';
import {
  type CommandContract,
  GatekeeperCommands,
  type Kernel,
  type KernelSubmission,
  NotFound,
  type SessionRow,
  type TokenRow,
  Unavailable,
} from '#libs/contracts';
import type { LoggedInput } from '#libs/store';
import { FakeKernels } from './fake-kernels.js';

type Handler = (input: never) => unknown;

/** A gatekeeper without scheduling: does what commands say, at once, in memory. Inputs cross as on a wire. */
export class FakeGatekeeper {
  readonly kernels = new FakeKernels();
  readonly sessions = new Map<string, SessionRow>();
  readonly tokens = new Map<string, TokenRow>();
  /** Every command, in order. */
  readonly sent: { pattern: string; input: unknown }[] = [];
  /** No command is answered while this is set. */
  away = false;

  readonly sessionReader = {
    find: async (id: string) => this.sessions.get(id),
    listOwned: async (owner: string) => [...this.sessions.values()].filter((row) => row.owner === owner),
  };
  readonly tokenReader = {
    find: async (id: string) => this.tokens.get(id),
    list: async () => [...this.tokens.values()],
  };

  /** What a log reader gives. */
  readonly steps: LoggedInput[] = [];
  readonly inputLogReader = {
    rows: async function* (this: { readonly all: LoggedInput[] }, from: number, to: number) {
      yield* this.all.filter(({ at }) => at >= from && at < to);
    },
    all: this.steps,
  };

  readonly #handlers: Readonly<Record<string, Handler>> = {
    [GatekeeperCommands.submitKernel.pattern]: ({ scheduling, ...submission }: KernelSubmission) =>
      this.kernels.add({ ...submission, scheduling: { ...scheduling, place: null, evictions: 0, warm: false } }),
    [GatekeeperCommands.stopKernel.pattern]: ({ kernelId, reason, detail }: { kernelId: never } & never) => {
      this.kernels.change(kernelId, { phase: 'ended', endReason: reason, detail, endedAt: Date.now() });
      return this.kernels.find(kernelId);
    },
    [GatekeeperCommands.restartKernel.pattern]: ({ kernelId }: { kernelId: Kernel['id'] }) => {
      this.kernels.change(kernelId, { executionState: 'restarting' });
      return this.kernels.find(kernelId);
    },
    [GatekeeperCommands.interruptKernel.pattern]: ({ kernelId }: { kernelId: Kernel['id'] }) => {
      this.kernels.interrupt(kernelId);
      return this.kernels.find(kernelId);
    },
    [GatekeeperCommands.explainKernel.pattern]: () => this.kernels.explain(),
    [GatekeeperCommands.saveSession.pattern]: (row: SessionRow) => {
      this.sessions.set(row.id, row);
      return row;
    },
    [GatekeeperCommands.deleteSession.pattern]: ({ id }: { id: string }) => {
      this.sessions.delete(id);
      return {};
    },
    [GatekeeperCommands.createToken.pattern]: (row: TokenRow) => {
      this.tokens.set(row.id, row);
      return row;
    },
    [GatekeeperCommands.revokeToken.pattern]: ({ id }: { id: string }) => {
      const row = this.tokens.get(id);
      if (row === undefined) throw new NotFound('There is no such token.');
      const revoked = { ...row, revokedAt: row.revokedAt ?? Date.now() };
      this.tokens.set(id, revoked);
      return revoked;
    },
  };

  async send<I extends z.ZodType, O extends z.ZodType>(
    { pattern, input: schema, output }: CommandContract<I, O>,
    input: z.input<I>,
  ): Promise<z.output<O>> {
    if (this.away) throw new Unavailable('The gatekeeper is away.', { retryAfterSeconds: 1 });
    const parsed = schema.parse(structuredClone(input));
    this.sent.push({ pattern, input: parsed });
    return output.parse(await this.#handlers[pattern]?.(parsed as never));
  }
}
