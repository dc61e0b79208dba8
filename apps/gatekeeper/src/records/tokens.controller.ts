import { MessagePattern, Payload } from '@nestjs/microservices';
import { BusController } from '#libs/bus';
import { GatekeeperCommands, type TokenRow } from '#libs/contracts';
import { TokensService } from './tokens.service.js';

const { createToken, revokeToken } = GatekeeperCommands;

@BusController()
export class TokensController {
  constructor(private readonly tokens: TokensService) {}

  @MessagePattern(createToken.pattern)
  create(@Payload() payload: unknown): Promise<TokenRow> {
    return this.tokens.create(createToken.input.parse(payload));
  }

  @MessagePattern(revokeToken.pattern)
  revoke(@Payload() payload: unknown): Promise<TokenRow> {
    return this.tokens.revoke(revokeToken.input.parse(payload).id);
  }
}
