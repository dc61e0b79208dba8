import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { Controller, Get, Inject, Param, Query, Res, StreamableFile } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type KernelSpecModel, NotFound } from '#libs/contracts';
import { CONFIG, type Config } from '../settings.js';
import { kernelspecList } from './kernelspec-list.js';
import { KERNELSPECS, type KernelspecCatalogue } from './kernelspecs.port.js';

const TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.jpg': 'image/jpeg',
  '.gif': 'image/gif',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
};

/** Kernelspecs and their files in the dialect of Enterprise Gateway. */
@Controller()
export class KernelspecsController {
  constructor(
    @Inject(KERNELSPECS) private readonly catalogue: KernelspecCatalogue,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Notebook servers with a `KERNEL_USERNAME` ask for one kernelspec by `?user=U/name`: they join the name to a URL that
   * has a query already.
   */
  @Get('api/kernelspecs')
  list(@Query('user') user?: string | string[]): object {
    const name = typeof user === 'string' && user.includes('/') ? user.slice(user.indexOf('/') + 1) : undefined;
    if (name !== undefined) return this.one(name);
    const { default: standard, models } = kernelspecList(this.catalogue, this.config.kernels.defaultKernelspec);
    return { default: standard, kernelspecs: Object.fromEntries(models.map((model) => [model.name, model])) };
  }

  @Get('api/kernelspecs/:name')
  one(@Param('name') name: string): KernelSpecModel {
    const model = this.catalogue.find(name);
    if (!model) throw new NotFound(`Kernelspec does not exist: ${name.slice(0, 64)}`);
    return model;
  }

  @Get('kernelspecs/:name/*')
  async file(
    @Param('name') name: string,
    @Param('*') path: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const file = this.catalogue.resource(name, path);
    if (file === undefined) throw new NotFound('This kernelspec has no such file.');
    // A logo is an image wherever it is opened: one with a script in it must not run on our origin.
    void reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox");
    const type = TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream';
    return new StreamableFile(createReadStream(file), { type, length: (await stat(file)).size });
  }
}
