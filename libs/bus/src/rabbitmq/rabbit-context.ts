import { BaseRpcContext } from '@nestjs/microservices';

/** What a handler can learn of the message that it handles. */
export class RabbitContext extends BaseRpcContext<[string, string]> {
  constructor(
    readonly pattern: string,
    readonly messageId: string,
  ) {
    super([pattern, messageId]);
  }
}

/** Id under which a broker may deliver the message again; undefined where nothing is ever delivered twice. */
export const messageIdOf = (context: unknown): string | undefined =>
  context instanceof RabbitContext ? context.messageId : undefined;
