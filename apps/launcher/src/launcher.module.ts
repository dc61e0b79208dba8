import { type DynamicModule, Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import type { CommandClient } from '#libs/bus';
import { KERNEL_HOST, type KernelHost } from '#libs/compute';
import { FactReporter } from './fact-reporter.js';
import { GATEKEEPER } from './gatekeeper.js';
import { LaunchController } from './launch.controller.js';
import { Reaper } from './reaper.service.js';

export interface LauncherParts {
  /** Where kernels run. */
  host: KernelHost;
  gatekeeper: Pick<CommandClient, 'emit' | 'send'>;
  /** Where its metrics go. */
  metrics?: Registry;
}

/** Hands: carries out what the gatekeeper decided on one host, and reports facts. Decides nothing. */
@Module({})
export class LauncherModule {
  static with({ host, gatekeeper, metrics = new Registry() }: LauncherParts): DynamicModule {
    return {
      module: LauncherModule,
      controllers: [LaunchController],
      providers: [
        { provide: KERNEL_HOST, useValue: host },
        { provide: GATEKEEPER, useValue: gatekeeper },
        { provide: Registry, useValue: metrics },
        FactReporter,
        Reaper,
      ],
    };
  }
}
