import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { CurrentIdentity } from '#libs/auth';
import { CreateTokenBody, type Identity, type TokenRow } from '#libs/contracts';
import { Parsed } from '../http/body.pipe.js';
import { TokensService } from './tokens.service.js';

/** API tokens on `/v1`. */
@Controller('v1/tokens')
export class TokensController {
  constructor(private readonly tokens: TokensService) {}

  @Post()
  async create(
    @CurrentIdentity() identity: Identity,
    @Body(new Parsed(CreateTokenBody)) body: CreateTokenBody,
  ): Promise<TokenRow & { token: string }> {
    return this.tokens.create(identity, body);
  }

  @Get()
  async list(@CurrentIdentity() identity: Identity): Promise<{ tokens: TokenRow[] }> {
    return { tokens: await this.tokens.list(identity) };
  }

  @Delete(':id')
  @HttpCode(204)
  async revoke(@CurrentIdentity() identity: Identity, @Param('id') id: string): Promise<void> {
    await this.tokens.revoke(identity, id);
  }
}
