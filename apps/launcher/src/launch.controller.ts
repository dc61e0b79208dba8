import { Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { BusController } from '#libs/bus';
import { KERNEL_HOST, type KernelHost } from '#libs/compute';
import { type KernelUsage, LauncherCommands } from '#libs/contracts';

const { launchKernel, stopKernel, restartKernel, usage, reconcile } = LauncherCommands;

/** Commands of the gatekeeper; each answer means taken up, what came of it is told by facts. */
@BusController()
export class LaunchController {
  constructor(@Inject(KERNEL_HOST) private readonly host: KernelHost) {}

  @MessagePattern(launchKernel.pattern)
  async launch(@Payload() payload: unknown): Promise<object> {
    const { kernelId, owner, launch } = launchKernel.input.parse(payload);
    await this.host.launch(kernelId, owner, launch);
    return {};
  }

  @MessagePattern(stopKernel.pattern)
  async stop(@Payload() payload: unknown): Promise<object> {
    const { kernelId, graceMs } = stopKernel.input.parse(payload);
    await this.host.stop(kernelId, graceMs);
    return {};
  }

  @MessagePattern(restartKernel.pattern)
  async restart(@Payload() payload: unknown): Promise<object> {
    await this.host.restart(restartKernel.input.parse(payload).kernelId);
    return {};
  }

  @MessagePattern(usage.pattern)
  usage(@Payload() payload: unknown): Promise<KernelUsage | null> {
    return this.host.usage(usage.input.parse(payload).kernelId);
  }

  @MessagePattern(reconcile.pattern)
  async reconcile(@Payload() payload: unknown): Promise<object> {
    await this.host.reconcile(reconcile.input.parse(payload).kernelIds);
    return {};
  }
}
