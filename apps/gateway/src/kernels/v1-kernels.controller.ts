import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CurrentIdentity } from '#libs/auth';
import { CreateKernelBody, Forbidden, type Identity, type Kernel, type KernelView } from '#libs/contracts';
import { Parsed } from '../http/body.pipe.js';
import { CONNECTION_COUNTS, type ConnectionCounts } from '../ports.js';
import { CONFIG, type Config } from '../settings.js';
import { kernelView } from './kernel-views.js';
import { KernelsService } from './kernels.service.js';
import { ListQuery } from './list-query.js';
import { SubmissionService } from './submission.service.js';

/** Kernels on `/v1`. */
@Controller('v1/kernels')
export class V1KernelsController {
  constructor(
    private readonly kernels: KernelsService,
    private readonly submissions: SubmissionService,
    @Inject(CONNECTION_COUNTS) private readonly connections: ConnectionCounts,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get()
  async list(
    @CurrentIdentity() identity: Identity,
    @Query(new Parsed(ListQuery)) { all }: ListQuery,
  ): Promise<{ kernels: KernelView[] }> {
    if (all && !identity.scopes.includes('admin')) throw new Forbidden('Kernels of others are for admins to see.');
    const kernels = all ? await this.kernels.listAll() : await this.kernels.list(identity);
    return { kernels: kernels.map((kernel) => this.#view(kernel)) };
  }

  @Post()
  async create(
    @CurrentIdentity() identity: Identity,
    @Body(new Parsed(CreateKernelBody)) body: CreateKernelBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KernelView> {
    const kernel = await this.kernels.submit(this.submissions.fromV1(identity, body));
    void reply.header('location', `${this.config.baseUrl}v1/kernels/${kernel.id}`);
    return { ...this.#view(kernel), wait: await this.kernels.explain(kernel) };
  }

  @Get(':id')
  async get(@CurrentIdentity() identity: Identity, @Param('id') id: string): Promise<KernelView> {
    const kernel = await this.kernels.find(identity, id);
    return { ...this.#view(kernel), wait: await this.kernels.explain(kernel) };
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
  async restart(@CurrentIdentity() identity: Identity, @Param('id') id: string): Promise<KernelView> {
    return this.#view(await this.kernels.restart(identity, id));
  }

  @Post(':id/keep')
  @HttpCode(200)
  async keep(@CurrentIdentity() identity: Identity, @Param('id') id: string): Promise<KernelView> {
    return this.#view(await this.kernels.keep(identity, id));
  }

  #view(kernel: Kernel): KernelView {
    return kernelView(kernel, this.connections.of(kernel.id));
  }
}
