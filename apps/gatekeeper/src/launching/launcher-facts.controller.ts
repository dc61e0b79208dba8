import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { BusController, messageIdOf } from '#libs/bus';
import { type KernelId, LauncherFacts } from '#libs/contracts';
import type { Happening } from '#libs/domain';
import { FactsService } from './facts.service.js';
import { Recovery } from './recovery.js';

const { launcherUp, nodes, nodesChanged, hindered, launchAgain } = LauncherFacts;
const { kernelInfo, agentUp, kernelReady, activity, kernelExited, launchFailed } = LauncherFacts;

/** Each handler resolves when the fact is on disk, so that a broker may forget it then. */
@BusController()
export class LauncherFactsController {
  constructor(
    private readonly facts: FactsService,
    private readonly recovery: Recovery,
  ) {}

  @EventPattern(launcherUp.pattern)
  launcherUp(@Payload() _nothing: unknown): void {
    this.recovery.launcherUp();
  }

  @EventPattern(nodes.pattern)
  nodes(@Payload() payload: unknown): void {
    this.facts.nodes(nodes.schema.parse(payload).nodes);
  }

  @EventPattern(hindered.pattern)
  hindered(@Payload() payload: unknown): void {
    this.facts.hindered(hindered.schema.parse(payload).reason);
  }

  @EventPattern(launchAgain.pattern)
  launchAgain(@Payload() payload: unknown): void {
    const { kernelId, reason } = launchAgain.schema.parse(payload);
    this.facts.launchAgain(kernelId, reason);
  }

  @EventPattern(nodesChanged.pattern)
  nodesChanged(@Payload() payload: unknown): void {
    const { nodes, gone } = nodesChanged.schema.parse(payload);
    this.facts.nodesChanged(nodes, gone);
  }

  @EventPattern(agentUp.pattern)
  agentUp(@Payload() payload: unknown, @Ctx() context: unknown): Promise<void> {
    return this.#note('agentUp', agentUp.schema.parse(payload), context);
  }

  @EventPattern(kernelReady.pattern)
  kernelReady(@Payload() payload: unknown, @Ctx() context: unknown): Promise<void> {
    return this.#note('kernelReady', kernelReady.schema.parse(payload), context);
  }

  @EventPattern(activity.pattern)
  activity(@Payload() payload: unknown, @Ctx() context: unknown): Promise<void> {
    return this.#note('activity', activity.schema.parse(payload), context);
  }

  @EventPattern(kernelExited.pattern)
  kernelExited(@Payload() payload: unknown, @Ctx() context: unknown): Promise<void> {
    return this.#note('kernelExited', kernelExited.schema.parse(payload), context);
  }

  @EventPattern(launchFailed.pattern)
  launchFailed(@Payload() payload: unknown, @Ctx() context: unknown): Promise<void> {
    return this.#note('launchFailed', launchFailed.schema.parse(payload), context);
  }

  @EventPattern(kernelInfo.pattern)
  kernelInfo(@Payload() payload: unknown): Promise<void> {
    const { kernelId, info } = kernelInfo.schema.parse(payload);
    return this.facts.learn(kernelId, info);
  }

  #note(
    kind: 'agentUp' | 'kernelReady' | 'activity' | 'kernelExited' | 'launchFailed',
    { kernelId, ...fact }: { kernelId: KernelId },
    context: unknown,
  ): Promise<void> {
    return this.facts.note(kernelId, { kind, ...fact } as Happening, messageIdOf(context));
  }
}
