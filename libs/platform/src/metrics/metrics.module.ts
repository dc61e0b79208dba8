import { type DynamicModule, Module } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * How often the delay of the event loop is sampled. At the library's 10 ms the sampling alone was all that an idle
 * service did: 100 wake-ups a second, 0.2 % of a core.
 */
const LOOP_DELAY_EVERY_MS = 250;

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
            collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_DELAY_EVERY_MS });
            return registry;
          },
        },
      ],
      exports: [Registry],
    };
  }
}
