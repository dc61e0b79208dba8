import { MessagePattern, Payload } from '@nestjs/microservices';
import { BusController } from '#libs/bus';
import { GatekeeperCommands, type Kernel, type KernelId, type WaitExplanation } from '#libs/contracts';
import { KernelsService } from './kernels.service.js';

const { submitKernel, stopKernel, restartKernel, interruptKernel, keepKernel, explainKernel, unwantedKernels } =
  GatekeeperCommands;

@BusController()
export class KernelCommandsController {
  constructor(private readonly kernels: KernelsService) {}

  @MessagePattern(submitKernel.pattern)
  submit(@Payload() payload: unknown): Promise<Kernel> {
    return this.kernels.submit(submitKernel.input.parse(payload));
  }

  @MessagePattern(stopKernel.pattern)
  stop(@Payload() payload: unknown): Promise<Kernel> {
    const { kernelId, reason, detail } = stopKernel.input.parse(payload);
    return this.kernels.stop(kernelId, reason, detail);
  }

  @MessagePattern(restartKernel.pattern)
  restart(@Payload() payload: unknown): Promise<Kernel> {
    return this.kernels.restart(restartKernel.input.parse(payload).kernelId);
  }

  @MessagePattern(interruptKernel.pattern)
  interrupt(@Payload() payload: unknown): Promise<Kernel> {
    return this.kernels.interrupt(interruptKernel.input.parse(payload).kernelId);
  }

  @MessagePattern(keepKernel.pattern)
  keep(@Payload() payload: unknown): Promise<Kernel> {
    return this.kernels.keep(keepKernel.input.parse(payload).kernelId);
  }

  @MessagePattern(explainKernel.pattern)
  explain(@Payload() payload: unknown): WaitExplanation | null {
    return this.kernels.explain(explainKernel.input.parse(payload).kernelId);
  }

  @MessagePattern(unwantedKernels.pattern)
  unwanted(@Payload() payload: unknown): { unwanted: KernelId[] } {
    return { unwanted: this.kernels.unwanted(unwantedKernels.input.parse(payload).kernelIds) };
  }
}
