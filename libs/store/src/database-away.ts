import { Unavailable } from '#libs/contracts';

/**
 * The database can't be reached, or was lost in the middle of a statement. Nothing is known of a commit that was under
 * way; of all else nothing was written. 503 at the edge.
 */
export class DatabaseAway extends Unavailable {
  constructor(cause: unknown) {
    super('The database is away. Try again in a moment.', { retryAfterSeconds: 1 });
    this.cause = cause;
  }
}
