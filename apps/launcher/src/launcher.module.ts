import { type DynamicModule, Module } from '@nestjs/common';
import type { CommandClient } from '#libs/bus';
import { KERNEL_HOST, type KernelHost } from '#libs/compute';
import { FACTS, FactReporter } from './fact-reporter.js';
import { LaunchController } from './launch.controller.js';

export interface LauncherParts {
  /** Where kernels run. */
  host: KernelHost;
  /** Towards the gatekeeper: facts are emitted here. */
  facts: Pick<CommandClient, 'emit'>;
}

/** Hands: carries out what the gatekeeper decided on one host, and reports facts. Decides nothing. */
@Module({})
export class LauncherModule {
  static with({ host, facts }: LauncherParts): DynamicModule {
    return {
      module: LauncherModule,
      controllers: [LaunchController],
      providers: [{ provide: KERNEL_HOST, useValue: host }, { provide: FACTS, useValue: facts }, FactReporter],
    };
  }
}
