import { MessagePattern, Payload } from '@nestjs/microservices';
import { BusController } from '#libs/bus';
import {
  type AuditRow,
  GatekeeperCommands,
  type SchedulingChange,
  type SchedulingDocument,
  type SchedulingState,
} from '#libs/contracts';
import { SchedulingService } from './scheduling.service.js';

const { readScheduling, changeScheduling, schedulingState, readAudit } = GatekeeperCommands;

@BusController()
export class SchedulingController {
  constructor(private readonly scheduling: SchedulingService) {}

  @MessagePattern(readScheduling.pattern)
  read(): SchedulingDocument {
    return this.scheduling.read();
  }

  @MessagePattern(changeScheduling.pattern)
  change(@Payload() payload: unknown): Promise<SchedulingChange> {
    return this.scheduling.change(changeScheduling.input.parse(payload));
  }

  @MessagePattern(schedulingState.pattern)
  state(): SchedulingState {
    return this.scheduling.state();
  }

  @MessagePattern(readAudit.pattern)
  audit(@Payload() payload: unknown): Promise<AuditRow[]> {
    return this.scheduling.audit(readAudit.input.parse(payload).limit);
  }
}
