import type { ClientProxy } from '@nestjs/microservices';
import { firstValueFrom, lastValueFrom, throwError, timeout } from 'rxjs';
import type { z } from 'zod';
import { type CommandContract, InvalidRequest, Unavailable } from '#libs/contracts';
import { errorFromBus } from './errors-on-the-bus.js';

/** Something that is told and not answered: its pattern, and the schema of what it says. */
export interface EventContract<S extends z.ZodType> {
  pattern: string;
  schema: S;
}

export interface CommandClientOptions {
  /** How long a reply may take, in milliseconds. */
  timeoutMs?: number;
}

/** Typed commands and events over any of Nest's transports. */
export class CommandClient {
  readonly #timeoutMs: number;

  constructor(
    private readonly proxy: ClientProxy,
    { timeoutMs = 10_000 }: CommandClientOptions = {},
  ) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * @throws the `Problem` that the handler threw; `Unavailable` where no answer came in time or nobody is there (the
   *   effect may have happened all the same: commands are idempotent, so ask again); `InvalidRequest` where `input`
   *   breaks the contract; a plain Error for a bug of the other side
   */
  async send<I extends z.ZodType, O extends z.ZodType>(
    contract: CommandContract<I, O>,
    input: z.input<I>,
  ): Promise<z.output<O>> {
    const request = parsed(contract.input, input, contract.pattern);
    const answer = this.proxy.send<unknown>(contract.pattern, request).pipe(
      timeout({
        first: this.#timeoutMs,
        with: () => throwError(() => this.#late(contract.pattern)),
      }),
    );
    const reply = await firstValueFrom(answer, { defaultValue: undefined }).catch((error: unknown) => {
      throw errorFromBus(error);
    });
    const output = contract.output.safeParse(reply);
    if (!output.success) throw new Error(`The answer to ${contract.pattern} breaks its contract.`);
    return output.data;
  }

  /** Resolves when the event is handed over: in process at once, with a broker when it has confirmed. */
  async emit<S extends z.ZodType>(contract: EventContract<S>, payload: z.input<S>): Promise<void> {
    await lastValueFrom(this.proxy.emit(contract.pattern, parsed(contract.schema, payload, contract.pattern)), {
      defaultValue: undefined,
    }).catch((error: unknown) => {
      throw errorFromBus(error);
    });
  }

  async close(): Promise<void> {
    await this.proxy.close();
  }

  #late(pattern: string): Unavailable {
    return new Unavailable(`No answer to ${pattern} within ${this.#timeoutMs / 1000} s.`, { retryAfterSeconds: 1 });
  }
}

function parsed<S extends z.ZodType>(schema: S, value: z.input<S>, pattern: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, message }) => ({ field: path.join('.'), message }));
  const first = errors[0];
  throw new InvalidRequest(`${pattern}: ${first?.field ?? ''} ${first?.message ?? ''}`.trim(), { errors });
}
