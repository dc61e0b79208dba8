import { MessagePattern, Payload } from '@nestjs/microservices';
import { BusController } from '#libs/bus';
import { GatekeeperCommands, type SessionRow } from '#libs/contracts';
import { SessionsService } from './sessions.service.js';

const { saveSession, deleteSession } = GatekeeperCommands;

@BusController()
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  @MessagePattern(saveSession.pattern)
  save(@Payload() payload: unknown): Promise<SessionRow> {
    return this.sessions.save(saveSession.input.parse(payload));
  }

  @MessagePattern(deleteSession.pattern)
  async delete(@Payload() payload: unknown): Promise<object> {
    await this.sessions.delete(deleteSession.input.parse(payload).id);
    return {};
  }
}
