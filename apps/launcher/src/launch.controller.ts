import { Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { BusController } from '#libs/bus';
import { KERNEL_HOST, type KernelHost } from '#libs/compute';
import { type KernelUsage, LauncherCommands } from '#libs/contracts';
import { Reaper } from './reaper.service.js';

const { launchKernel, stopKernel, restartKernel, usage, reconcile, keepWarm } = LauncherCommands;

/** Commands of the gatekeeper; each answer means taken up, what came of it is told by facts. */
@BusController()
export class LaunchController {
  #epoch = 0;
  #begin: () => void = () => undefined;
  /** Before it knows which kernels live here, it would take any for lost. */
  readonly #reconciled = new Promise<void>((resolve) => {
    this.#begin = resolve;
  });

  constructor(
    @Inject(KERNEL_HOST) private readonly host: KernelHost,
    private readonly reaper: Reaper,
  ) {}

  @MessagePattern(launchKernel.pattern)
  async launch(@Payload() payload: unknown): Promise<object> {
    const { kernelId, owner, project, place, launch } = launchKernel.input.parse(payload);
    await this.#reconciled;
    await this.host.launch(kernelId, { owner, project, place }, launch);
    return {};
  }

  @MessagePattern(stopKernel.pattern)
  async stop(@Payload() payload: unknown): Promise<object> {
    const { kernelId, graceMs } = stopKernel.input.parse(payload);
    await this.#reconciled;
    await this.host.stop(kernelId, graceMs);
    return {};
  }

  @MessagePattern(restartKernel.pattern)
  async restart(@Payload() payload: unknown): Promise<object> {
    const { kernelId, incarnation } = restartKernel.input.parse(payload);
    await this.#reconciled;
    await this.host.restart(kernelId, incarnation);
    return {};
  }

  @MessagePattern(usage.pattern)
  usage(@Payload() payload: unknown): Promise<KernelUsage | null> {
    return this.host.usage(usage.input.parse(payload).kernelId);
  }

  @MessagePattern(keepWarm.pattern)
  async keepWarm(@Payload() payload: unknown): Promise<object> {
    const { pools, epoch } = keepWarm.input.parse(payload);
    await this.#reconciled;
    if (epoch >= this.#epoch) this.host.keepWarm(pools);
    return {};
  }

  @MessagePattern(reconcile.pattern)
  async reconcile(@Payload() payload: unknown): Promise<object> {
    const { kernelIds, epoch } = reconcile.input.parse(payload);
    // A list of who leads no more, delivered late, would end the kernels that were made since.
    if (epoch < this.#epoch) return {};
    this.#epoch = epoch;
    await this.host.reconcile(kernelIds);
    this.#begin();
    this.reaper.begin();
    return {};
  }
}
