import { randomUUID } from 'node:crypto';
import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Registry } from 'prom-client';
import { Public } from '#libs/auth';
import { GatekeeperCommands, KernelId, NotFound } from '#libs/contracts';
import { Readiness } from '#libs/platform';
import { KERNEL_READER, type KernelReader } from '#libs/store';
import { Drain } from '../http/drain.js';
import { GATEKEEPER, type Gatekeeper } from '../ports.js';
import { storeCheck } from './store-check.js';

/** For whoever runs the service: needs no token, tells no names. */
@Public()
@Controller()
export class ProbesController {
  readonly #readiness = new Readiness();

  constructor(
    private readonly metricsRegistry: Registry,
    @Inject(KERNEL_READER) kernels: KernelReader,
    @Inject(GATEKEEPER) gatekeeper: Gatekeeper,
    drain: Drain,
  ) {
    const nobody = KernelId.parse(randomUUID());
    this.#readiness.add('service', async () => {
      if (drain.begun) throw new Error('The service stops.');
    });
    this.#readiness.add('store', storeCheck(kernels));
    this.#readiness.add('gatekeeper', async () => {
      await gatekeeper.send(GatekeeperCommands.explainKernel, { kernelId: nobody }).catch((error: unknown) => {
        if (!(error instanceof NotFound) && (error as { status?: number }).status !== 404) throw error;
      });
    });
  }

  /** Alive: this process answers. */
  @Get('healthz')
  alive(): { status: string } {
    return { status: 'ok' };
  }

  /** Ready: the store can be read, the gatekeeper answers, and nobody stops this process. */
  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const { ready, checks } = await this.#readiness.run();
    if (!ready) void reply.status(503).header('retry-after', '1');
    return { status: ready ? 'ok' : 'unavailable', checks };
  }

  @Get('metrics')
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  async metrics(): Promise<string> {
    return this.metricsRegistry.metrics();
  }
}
