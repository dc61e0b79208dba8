import {
  type CanActivate,
  type CustomDecorator,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Forbidden, type Identity, type Scope } from '#libs/contracts';
import { requestContext } from '#libs/platform';
import { Authenticator } from './authenticator.js';
import type { RequestLike } from './token-from-request.js';

const PUBLIC = 'beamgate:public';
const SCOPES = 'beamgate:scopes';

/** Needs no token. */
export const Public = (): CustomDecorator => SetMetadata(PUBLIC, true);
/** Needs one of these scopes; without it `kernels`. `admin` opens everything. */
export const Scopes = (...scopes: Scope[]): CustomDecorator => SetMetadata(SCOPES, scopes);

/** A request whose caller the edge tried to learn before it read the body. */
export interface AuthenticatedRequest extends RequestLike {
  identity?: Identity;
  refusal?: unknown;
}

/** Who calls this handler. */
export const CurrentIdentity = createParamDecorator((_: unknown, context: ExecutionContext): Identity => {
  const { identity } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (identity === undefined) throw new Error('a public handler has no identity');
  return identity;
});

/** Lets in who proves an identity with a scope that the handler needs. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (context.getType() !== 'http' || this.reflector.getAllAndOverride<boolean>(PUBLIC, targets)) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    if (request.refusal !== undefined) throw request.refusal;
    const identity = request.identity ?? (await this.authenticator.authenticate(request));
    const needed = this.reflector.getAllAndOverride<Scope[]>(SCOPES, targets) ?? ['kernels'];
    if (![...needed, 'admin' as const].some((scope) => identity.scopes.includes(scope)))
      throw new Forbidden(`This needs a token with the scope ${needed.join(' or ')}.`);
    request.identity = identity;
    const served = requestContext.getStore();
    if (served) served.user = identity.user;
    return true;
  }
}
