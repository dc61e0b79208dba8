import { type DynamicModule, Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import { addProcessMetrics } from './process-metrics.js';

/** The registry of this process, with the process's own metrics in it. Names are `beamgate_<noun>_<unit>`. */
@Module({})
export class MetricsModule {
  static with(registry: Registry = new Registry()): DynamicModule {
    return {
      module: MetricsModule,
      global: true,
      providers: [
        {
          provide: Registry,
          useFactory: () => {
            addProcessMetrics(registry);
            return registry;
          },
        },
      ],
      exports: [Registry],
    };
  }
}
