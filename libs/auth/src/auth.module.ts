import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from '#libs/platform';
import { AuthGuard } from './auth.guard.js';
import { Authenticator } from './authenticator.js';
import { BuiltInIssuer } from './built-in-issuer.js';
import { type TokenLookup, TokenStatus } from './token-status.js';

const openIssuer = ({
  data,
  auth: { audience, signingKeyFile },
}: Pick<Config, 'auth' | 'data'>): Promise<BuiltInIssuer> =>
  signingKeyFile === '' ? BuiltInIssuer.open(data, audience) : BuiltInIssuer.fromPem(signingKeyFile, audience);

/** Identity: who calls (`Authenticator`, `AuthGuard`) and new tokens (`BuiltInIssuer`). */
@Module({})
export class AuthModule {
  static with(config: Pick<Config, 'auth' | 'data'>, tokens: TokenLookup): DynamicModule {
    return {
      module: AuthModule,
      providers: [
        AuthGuard,
        { provide: BuiltInIssuer, useFactory: () => openIssuer(config) },
        {
          provide: Authenticator,
          useFactory: (issuer: BuiltInIssuer) => new Authenticator(config.auth, issuer, new TokenStatus(tokens)),
          inject: [BuiltInIssuer],
        },
      ],
      exports: [AuthGuard, Authenticator, BuiltInIssuer],
    };
  }
}
