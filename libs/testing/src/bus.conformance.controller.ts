import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { z } from 'zod';
import { BusController } from '#libs/bus';
import { type CommandContract, Conflict } from '#libs/contracts';

const command = <I extends z.ZodType, O extends z.ZodType>(
  pattern: string,
  input: I,
  output: O,
): CommandContract<I, O> => ({ pattern, input, output });

const Anything = z.object({ value: z.unknown() });

export const BusCommands = {
  echo: command('conformance.echo', Anything, Anything),
  refuse: command('conformance.refuse', z.object({ kernelId: z.string() }), Anything),
  crash: command('conformance.crash', z.object({}), Anything),
  never: command('conformance.never', z.object({}), Anything),
  heard: command('conformance.heard', z.object({}), z.object({ numbers: z.array(z.int()) })),
  breakContract: command('conformance.break-contract', z.object({}), z.object({ promised: z.string() })),
  alive: command('conformance.alive', z.object({}), Anything),
  nobody: command('conformance.nobody', z.object({}), Anything),
} as const;

export const BusEvents = { number: { pattern: 'conformance.number', schema: z.object({ number: z.int() }) } } as const;

export const SECRET = 'password-in-a-stack';

/** The other side of the bus conformance suite; an adapter's factory serves it, in this thread or in another. */
@BusController()
export class BusConformanceController {
  readonly #numbers: number[] = [];

  @MessagePattern(BusCommands.echo.pattern)
  echo(@Payload() input: z.infer<typeof Anything>): z.infer<typeof Anything> {
    return input;
  }

  @MessagePattern(BusCommands.refuse.pattern)
  async refuse(@Payload() { kernelId }: { kernelId: string }): Promise<never> {
    throw new Conflict('That id is taken.', { kernelId } as never);
  }

  @MessagePattern(BusCommands.crash.pattern)
  crash(): never {
    throw new TypeError(SECRET);
  }

  @MessagePattern(BusCommands.never.pattern)
  never(): Promise<never> {
    return new Promise(() => undefined);
  }

  @EventPattern(BusEvents.number.pattern)
  number(@Payload() { number }: { number: number }): void {
    this.#numbers.push(number);
  }

  @MessagePattern(BusCommands.heard.pattern)
  heard(): { numbers: number[] } {
    return { numbers: [...this.#numbers] };
  }

  @MessagePattern(BusCommands.breakContract.pattern)
  breakContract(): unknown {
    return { something: 'else' };
  }

  @MessagePattern(BusCommands.alive.pattern)
  alive(): unknown {
    return { value: () => 'a function cannot cross' };
  }
}
