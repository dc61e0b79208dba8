import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CurrentIdentity } from '#libs/auth';
import { ChangeSessionBody, type Identity, type SessionModel, StartSessionBody } from '#libs/contracts';
import { Parsed } from '../http/body.pipe.js';
import { KERNELSPECS, type KernelspecCatalogue } from '../kernelspecs/kernelspecs.port.js';
import { CONFIG, type Config } from '../settings.js';
import { SessionsService } from './sessions.service.js';

/** Sessions in Jupyter's dialect. */
@Controller('api/sessions')
export class SessionsController {
  constructor(
    private readonly sessions: SessionsService,
    @Inject(KERNELSPECS) private readonly kernelspecs: KernelspecCatalogue,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get()
  async list(@CurrentIdentity() identity: Identity): Promise<SessionModel[]> {
    return this.sessions.list(identity);
  }

  /** An unknown kernelspec is 501 with a body of its own, as in Jupyter. */
  @Post()
  async start(
    @CurrentIdentity() identity: Identity,
    @Body(new Parsed(StartSessionBody)) body: StartSessionBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionModel | { message: string; short_message: string }> {
    const { id, name } = body.kernel;
    const kernelspec = name ?? this.config.kernels.defaultKernelspec;
    if (!id && !this.kernelspecs.find(kernelspec)) {
      void reply.status(501);
      return {
        message: `The kernelspec ${JSON.stringify(kernelspec)} is not offered here. Pick another one.`,
        short_message: `${kernelspec} not found`,
      };
    }
    const session = await this.sessions.start(identity, body);
    void reply.header('location', `${this.config.baseUrl}api/sessions/${session.id}`);
    return session;
  }

  @Get(':id')
  async get(@CurrentIdentity() identity: Identity, @Param('id') id: string): Promise<SessionModel> {
    return this.sessions.get(identity, id);
  }

  @Patch(':id')
  async change(
    @CurrentIdentity() identity: Identity,
    @Param('id') id: string,
    @Body(new Parsed(ChangeSessionBody)) body: ChangeSessionBody,
  ): Promise<SessionModel> {
    return this.sessions.change(identity, id, body);
  }

  @Delete(':id')
  @HttpCode(204)
  async end(@CurrentIdentity() identity: Identity, @Param('id') id: string): Promise<void> {
    await this.sessions.end(identity, id);
  }
}
