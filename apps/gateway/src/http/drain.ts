import type { Server } from 'node:http';
import { setTimeout as elapse } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { CONFIG, type Config } from '../settings.js';

/** How this process leaves: not ready, no new connections, then time for requests and sockets that are open. */
@Injectable()
export class Drain implements BeforeApplicationShutdown {
  #closed: Promise<void> | undefined;

  constructor(
    private readonly host: HttpAdapterHost,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  get begun(): boolean {
    return this.#closed !== undefined;
  }

  /** From now on nobody is let in; idle connections are closed, the others go on. */
  begin(): void {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    this.#closed ??= new Promise((resolve) => server.close(() => resolve()));
  }

  /** Beside it the sockets are told to come back; what has not ended in time is cut off by what follows. */
  async beforeApplicationShutdown(): Promise<void> {
    this.begin();
    const patience = new AbortController();
    const late = elapse(this.config.http.drainSeconds * 1000, undefined, { signal: patience.signal }).catch(() => {});
    await Promise.race([this.#closed, late]);
    patience.abort();
  }
}
