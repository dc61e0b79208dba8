import { type DynamicModule, Module } from '@nestjs/common';
import { CLOCK } from '#libs/domain';
import { STORE } from '#libs/store';
import { CullingService } from './culling/culling.service.js';
import { GATEKEEPER_CONFIG, GATEWAYS, type GatekeeperParts, LAUNCHER } from './gatekeeper-parts.js';
import { KernelCommandsController } from './kernels/kernel-commands.controller.js';
import { KernelLog } from './kernels/kernel-log.js';
import { KernelsService } from './kernels/kernels.service.js';
import { Deadlines } from './launching/deadlines.js';
import { Delivery } from './launching/delivery.js';
import { FactsService } from './launching/facts.service.js';
import { LauncherFactsController } from './launching/launcher-facts.controller.js';
import { Recovery } from './launching/recovery.js';
import { Pruning } from './records/pruning.js';
import { SessionsController } from './records/sessions.controller.js';
import { SessionsService } from './records/sessions.service.js';
import { TokensController } from './records/tokens.controller.js';
import { TokensService } from './records/tokens.service.js';
import { EvictionsService } from './scheduling/evictions.service.js';
import { SchedulingController } from './scheduling/scheduling.controller.js';
import { SchedulingService } from './scheduling/scheduling.service.js';
import { TypicalService } from './scheduling/typical.service.js';
import { systemClock } from './system-clock.js';
import { Known } from './writer/known.js';
import { Writer } from './writer/writer.js';

@Module({})
export class GatekeeperModule {
  static with({ config, store, launcher, gateways, clock = systemClock }: GatekeeperParts): DynamicModule {
    return {
      module: GatekeeperModule,
      controllers: [
        KernelCommandsController,
        LauncherFactsController,
        SchedulingController,
        SessionsController,
        TokensController,
      ],
      providers: [
        { provide: GATEKEEPER_CONFIG, useValue: config },
        { provide: STORE, useValue: store },
        { provide: LAUNCHER, useValue: launcher },
        { provide: GATEWAYS, useValue: gateways },
        { provide: CLOCK, useValue: clock },
        Known,
        Writer,
        Delivery,
        Deadlines,
        CullingService,
        EvictionsService,
        SchedulingService,
        TypicalService,
        Pruning,
        Recovery,
        KernelLog,
        KernelsService,
        FactsService,
        SessionsService,
        TokensService,
      ],
    };
  }
}
