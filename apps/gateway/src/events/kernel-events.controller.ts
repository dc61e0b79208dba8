import { EventPattern, Payload } from '@nestjs/microservices';
import { Authenticator } from '#libs/auth';
import { BusController } from '#libs/bus';
import { GatekeeperEvents, type Kernel, type KernelId } from '#libs/contracts';
import { KernelEventsHub } from './kernel-events.hub.js';

/** The gatekeeper's events as they come over the bus. */
@BusController()
export class KernelEventsController {
  constructor(
    private readonly hub: KernelEventsHub,
    private readonly authenticator: Authenticator,
  ) {}

  @EventPattern(GatekeeperEvents.kernelChanged.pattern)
  kernelChanged(@Payload() { kernel }: { kernel: Kernel }): void {
    this.hub.kernelChanged(kernel);
  }

  @EventPattern(GatekeeperEvents.kernelInterrupted.pattern)
  kernelInterrupted(@Payload() { kernelId }: { kernelId: KernelId }): void {
    this.hub.kernelInterrupted(kernelId);
  }

  /** New requests are refused before open sockets are closed. */
  @EventPattern(GatekeeperEvents.tokenRevoked.pattern)
  tokenRevoked(@Payload() { id }: { id: string }): void {
    this.authenticator.tokenRevoked(id);
    this.hub.tokenRevoked(id);
  }
}
