import { type BeforeApplicationShutdown, Inject, Injectable, type MessageEvent } from '@nestjs/common';
import { interval, map, Observable } from 'rxjs';
import type { Identity, Kernel } from '#libs/contracts';
import { ChannelFactory } from '../channels/channel-factory.js';
import { CHANNEL_OPTIONS, type ChannelOptions } from '../channels/options.js';
import { SocketLimits } from '../channels/socket-limits.js';
import { kernelView } from '../kernels/kernel-views.js';
import { CONNECTION_COUNTS, type ConnectionCounts } from '../ports.js';
import { KernelStates } from './kernel-states.js';
import { OpenConnections } from './open-connections.js';

interface Opened {
  tokenId: string | undefined;
  /** When its token is no longer good, ms since the epoch. */
  until: number;
  end: (why: string) => void;
}

/** Streams of events to clients: how many there may be, and how long each may stay. As for sockets. */
@Injectable()
export class EventStreams implements BeforeApplicationShutdown {
  readonly #open = new Set<Opened>();
  readonly #limits: SocketLimits;
  readonly #stopListening: () => void;
  #closing = false;

  constructor(
    private readonly states: KernelStates,
    @Inject(CHANNEL_OPTIONS) private readonly options: ChannelOptions,
    @Inject(CONNECTION_COUNTS) private readonly sockets: ConnectionCounts,
    { events, rounds }: ChannelFactory,
  ) {
    // Counted apart: the `connections` of a kernel are its sockets.
    this.#limits = new SocketLimits(options.sockets, new OpenConnections(), 'streams of events');
    const stopRevoking = events.onTokenRevoked((id) =>
      this.#end('the token was revoked', ({ tokenId }) => tokenId === id),
    );
    const stopExpiring = rounds.join(() => this.#end('the token has expired', ({ until }) => Date.now() >= until));
    this.#stopListening = () => {
      stopRevoking();
      stopExpiring();
    };
  }

  /** What a kernel that the caller may see becomes. @throws TooManyRequests, Unavailable to who subscribes */
  of(identity: Identity, kernel: Kernel): Observable<MessageEvent> {
    return new Observable((client) => {
      const full = this.#limits.refusal(kernel);
      if (full !== undefined) return client.error(full);
      const closed = this.#limits.opened(kernel);
      const stream: Opened = {
        tokenId: identity.tokenId,
        until: (identity.expiresAt ?? Number.POSITIVE_INFINITY) + this.options.expiryToleranceSeconds * 1000,
        end: (why) => {
          client.next({ comment: why });
          client.complete();
        },
      };
      this.#open.add(stream);
      this.#events(kernel).subscribe(client);
      if (this.#closing) stream.end('the gateway restarts');
      return () => {
        this.#open.delete(stream);
        closed();
      };
    });
  }

  /** Clients come back by themselves, to whichever gateway serves then. */
  beforeApplicationShutdown(): void {
    this.#closing = true;
    this.#stopListening();
    this.#end('the gateway restarts', () => true);
  }

  #events(kernel: Kernel): Observable<MessageEvent> {
    const told = this.states.of(kernel).pipe(
      map(({ kernel: row, wait }) => ({
        type: 'kernel',
        id: String(row.revision),
        data: { ...kernelView(row, this.sockets.of(row.id)), wait },
      })),
    );
    // Proxies cut what is quiet, and a client that is gone is noticed by a write.
    const beats = interval(this.options.pingIntervalSeconds * 1000).pipe(map(() => ({ comment: '' })));
    return new Observable((client) => {
      const beating = beats.subscribe((beat) => client.next(beat));
      return told.subscribe(client).add(beating);
    });
  }

  #end(why: string, which: (stream: Opened) => boolean): void {
    for (const stream of [...this.#open]) if (which(stream)) stream.end(why);
  }
}
