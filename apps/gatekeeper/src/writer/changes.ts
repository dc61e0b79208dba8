import type { Kernel, KernelId, KernelInfo, SessionRow, TokenRow } from '#libs/contracts';
import type { fullCore } from '#libs/scheduling';
import type { CoreInput, Message, SchedulingVersion } from '#libs/store';

/** What a command, a fact, or a batch of them changes, before it is on disk. */
export class Changes {
  readonly kernels = new Map<KernelId, Kernel>();
  /** Kernels whose change gateways must hear of even if we die now; of others (activity) they hear while we live. */
  readonly notable = new Set<KernelId>();
  /** By the kernel that said it. */
  readonly kernelInfos = new Map<KernelId, { of: Kernel; info: KernelInfo }>();
  readonly sessions = new Map<string, SessionRow | null>();
  readonly sessionlessKernels = new Set<KernelId>();
  readonly tokens = new Map<string, TokenRow>();
  readonly messages: Message[] = [];
  /** Messages of the bus that this is the effect of. */
  readonly received: { id: string; at: number }[] = [];
  readonly coreEvents: fullCore.CoreEvent[] = [];
  /** What the core was given. */
  input: CoreInput | null = null;
  /** Past use, where it is to be stored anew. */
  shares: { at: number; shares: unknown } | null = null;
  /** A new version of the configuration of scheduling. */
  scheduling: SchedulingVersion | null = null;

  absorb(other: Changes): void {
    for (const [id, kernel] of other.kernels) this.kernels.set(id, kernel);
    for (const id of other.notable) this.notable.add(id);
    for (const [id, info] of other.kernelInfos) this.kernelInfos.set(id, info);
    for (const [id, session] of other.sessions) this.sessions.set(id, session);
    for (const id of other.sessionlessKernels) this.sessionlessKernels.add(id);
    for (const [id, token] of other.tokens) this.tokens.set(id, token);
    this.messages.push(...other.messages);
    this.received.push(...other.received);
    this.coreEvents.push(...other.coreEvents);
    this.scheduling = other.scheduling ?? this.scheduling;
  }

  get empty(): boolean {
    const { kernels, kernelInfos, sessions, tokens, messages, coreEvents } = this;
    if (this.scheduling) return false;
    return kernels.size + kernelInfos.size + sessions.size + tokens.size + messages.length + coreEvents.length === 0;
  }
}
