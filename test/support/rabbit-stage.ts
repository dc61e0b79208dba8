import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { z } from 'zod';
import { BusController, messageIdOf, type RabbitServerOptions, rabbitServer } from '#libs/bus';
import { eventually } from './processes.js';

const Numbered = z.object({ number: z.int() });
export const NUMBER = { pattern: 'test.number', schema: Numbered };
export const DOUBLE = { pattern: 'test.double', input: Numbered, output: Numbered };

export type Handle = (number: number, messageId: string | undefined) => Promise<unknown> | unknown;

/** A service of numbers, over RabbitMQ, whose handler the test gives. */
export class RabbitStage {
  /** Numbers told and asked, in the order their handlers began. */
  readonly begun: number[] = [];
  readonly messageIds: (string | undefined)[] = [];

  private constructor(private readonly app: { close(): Promise<void> }) {}

  static async start(options: RabbitServerOptions, handle: Handle = () => undefined): Promise<RabbitStage> {
    let stage: RabbitStage | undefined;
    const begin = async (number: number, context: unknown): Promise<void> => {
      const id = messageIdOf(context);
      stage?.begun.push(number);
      stage?.messageIds.push(id);
      await handle(number, id);
    };
    @BusController()
    class Numbers {
      @EventPattern(NUMBER.pattern)
      take(@Payload() payload: unknown, @Ctx() context: unknown): Promise<void> {
        return begin(Numbered.parse(payload).number, context);
      }

      @MessagePattern(DOUBLE.pattern)
      async double(@Payload() { number }: { number: number }, @Ctx() context: unknown): Promise<object> {
        await begin(number, context);
        return { number: number * 2 };
      }
    }
    const module = await Test.createTestingModule({ controllers: [Numbers] }).compile();
    const app = module.createNestMicroservice({
      strategy: await rabbitServer({ drainMs: 0, ...options }),
      logger: false,
    });
    stage = new RabbitStage(app);
    await app.listen();
    return stage;
  }

  /** Resolves when so many were begun. */
  has(count: number, seconds = 15): Promise<true> {
    const look = (): true | undefined => (this.begun.length >= count ? true : undefined);
    return eventually(`${count} messages, of which ${this.begun.length} came`, look, seconds);
  }

  close(): Promise<void> {
    return this.app.close();
  }
}
