import { Inject, Injectable } from '@nestjs/common';
import { Authenticator, type RequestLike } from '#libs/auth';
import { type Identity, Problem, TooManyRequests } from '#libs/contracts';
import { CONFIG, type Config } from '../settings.js';
import { TokenBuckets } from './token-buckets.js';

/** Who calls, and whether too often: by identity where there is one, else by address. */
@Injectable()
export class Callers {
  readonly #known: TokenBuckets;
  readonly #refused: TokenBuckets;

  constructor(
    private readonly authenticator: Authenticator,
    @Inject(CONFIG) { http }: Config,
  ) {
    this.#known = new TokenBuckets(http.requestsPerSecond, http.requestBurst);
    this.#refused = new TokenBuckets(http.refusalsPerSecond, http.refusalBurst);
  }

  /** @throws what `Authenticator.authenticate` throws; TooManyRequests */
  async identify(request: RequestLike, address: string): Promise<Identity> {
    const identity = await this.authenticator.authenticate(request).catch((error: unknown) => {
      // Who has a good token is never kept waiting by others behind the same address.
      if (error instanceof Problem && error.status < 500) admit(this.#refused, address, 'requests without a token');
      throw error;
    });
    admit(this.#known, identity.user, 'requests');
    return identity;
  }
}

function admit(buckets: TokenBuckets, key: string, what: string): void {
  const retryAfterSeconds = buckets.take(key);
  if (retryAfterSeconds === 0) return;
  const limit = buckets.perSecond;
  throw new TooManyRequests(`More than ${limit} ${what} per second came; try again in ${retryAfterSeconds} s.`, {
    retryAfterSeconds,
    limit,
  });
}
