import { Controller, Headers, type MessageEvent, Param, Res, Sse } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { EMPTY, type Observable } from 'rxjs';
import { CurrentIdentity } from '#libs/auth';
import type { Identity } from '#libs/contracts';
import { KernelsService } from '../kernels/kernels.service.js';
import { EventStreams } from './event-streams.js';

/** Characters that wait for a client that reads nothing; then its connection is cut, and it may come back. */
const MOST_PENDING = 256 * 1024;

/** What becomes of kernels, on `/v1`, for clients that do not want to ask again and again. */
@Controller('v1/kernels')
export class EventStreamsController {
  constructor(
    private readonly kernels: KernelsService,
    private readonly streams: EventStreams,
  ) {}

  @Sse(':id/events', { maxPendingDataLength: MOST_PENDING })
  async follow(
    @CurrentIdentity() identity: Identity,
    @Param('id') id: string,
    @Headers('last-event-id') last: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Observable<MessageEvent>> {
    const kernel = await this.kernels.find(identity, id);
    if (kernel.phase !== 'ended' || last !== String(kernel.revision)) return this.streams.of(identity, kernel);
    // An EventSource comes back whenever a stream ends, until it is told so.
    void reply.status(204);
    return EMPTY;
  }
}
