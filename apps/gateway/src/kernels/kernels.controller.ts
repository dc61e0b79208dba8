import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CurrentIdentity } from '#libs/auth';
import { type Identity, type Kernel, type KernelModel, StartKernelBody } from '#libs/contracts';
import { Parsed } from '../http/body.pipe.js';
import { CONNECTION_COUNTS, type ConnectionCounts } from '../ports.js';
import { CONFIG, type Config } from '../settings.js';
import { kernelModel } from './kernel-views.js';
import { KernelsService } from './kernels.service.js';
import { SubmissionService } from './submission.service.js';

/** Kernels in the dialect of Enterprise Gateway. */
@Controller('api/kernels')
export class KernelsController {
  constructor(
    private readonly kernels: KernelsService,
    private readonly submissions: SubmissionService,
    @Inject(CONNECTION_COUNTS) private readonly connections: ConnectionCounts,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get()
  async list(@CurrentIdentity() identity: Identity): Promise<KernelModel[]> {
    return (await this.kernels.listShown(identity)).map((kernel) => this.#model(kernel));
  }

  /** Answers at once, also when the kernel must wait: a notebook server gives up after 42 s. */
  @Post()
  async start(
    @CurrentIdentity() identity: Identity,
    @Body(new Parsed(StartKernelBody)) body: StartKernelBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KernelModel> {
    const kernel = await this.kernels.submit(this.submissions.fromDialect(identity, body));
    void reply.header('location', `${this.config.baseUrl}api/kernels/${kernel.id}`);
    return this.#model(kernel);
  }

  @Get(':id')
  async get(@CurrentIdentity() identity: Identity, @Param('id') id: string): Promise<KernelModel> {
    const kernel = await this.kernels.findShown(identity, id);
    return kernelModel(kernel, this.connections.of(kernel.id), await this.kernels.explain(kernel));
  }

  @Delete(':id')
  @HttpCode(204)
  async stop(@CurrentIdentity() identity: Identity, @Param('id') id: string): Promise<void> {
    await this.kernels.stop(identity, id);
  }

  @Post(':id/interrupt')
  @HttpCode(204)
  async interrupt(@CurrentIdentity() identity: Identity, @Param('id') id: string): Promise<void> {
    await this.kernels.interrupt(identity, id);
  }

  @Post(':id/restart')
  @HttpCode(200)
  async restart(@CurrentIdentity() identity: Identity, @Param('id') id: string): Promise<KernelModel> {
    return this.#model(await this.kernels.restart(identity, id));
  }

  #model(kernel: Kernel): KernelModel {
    return kernelModel(kernel, this.connections.of(kernel.id));
  }
}
