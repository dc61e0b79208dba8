import { Controller, Get, Inject, Param } from '@nestjs/common';
import { type KernelSpecModel, NotFound } from '#libs/contracts';
import { CONFIG, type Config } from '../settings.js';
import { kernelspecList } from './kernelspec-list.js';
import { KERNELSPECS, type KernelspecCatalogue } from './kernelspecs.port.js';

/** Kernelspecs on `/v1`. */
@Controller('v1/kernelspecs')
export class V1KernelspecsController {
  constructor(
    @Inject(KERNELSPECS) private readonly catalogue: KernelspecCatalogue,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get()
  list(): { default: string; kernelspecs: KernelSpecModel[] } {
    const { default: standard, models } = kernelspecList(this.catalogue, this.config.kernels.defaultKernelspec);
    return { default: standard, kernelspecs: models };
  }

  @Get(':name')
  one(@Param('name') name: string): KernelSpecModel {
    const model = this.catalogue.find(name);
    if (!model) throw new NotFound(`No kernelspec is named ${JSON.stringify(name.slice(0, 64))} here.`);
    return model;
  }
}
