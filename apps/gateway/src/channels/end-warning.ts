import { randomUUID } from 'node:crypto';
import type { Kernel } from '#libs/contracts';
import { type CullingRules, cullPlan } from '#libs/domain';

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const KEPT = 'Beamgate: this kernel was used, and is kept.';

/** @param endAt  ms since the epoch */
const warning = (endAt: number): string =>
  `Beamgate: this kernel is not used and will be ended at ${new Date(endAt).toISOString().slice(11, 16)} UTC; its ` +
  'variables will be lost.\nRun any cell to keep it.';

/**
 * Warns of the end of a kernel that nobody uses, as output of the cell that was run last, and takes the warning back
 * when the kernel is used. Goes by the same plan as the gatekeeper, which ends it.
 */
export class EndWarning {
  readonly #displayId = `beamgate-end-${randomUUID()}`;
  #cell: Buffer | null = null;
  #shownIn: Buffer | null = null;
  #warned = false;
  #endAt: number | null = null;
  #timer: NodeJS.Timeout | null = null;

  /** `since`: when the service started. */
  constructor(
    private readonly publish: (type: string, content: object, parent?: Buffer) => void,
    private readonly rules: CullingRules,
    private readonly since: number,
  ) {}

  /** Header part of the execution that was asked for last; null where there was none. */
  get cell(): Buffer | null {
    return this.#cell;
  }

  asked(header: Buffer): void {
    this.#cell = header;
  }

  changed(kernel: Kernel): void {
    const plan = cullPlan(kernel, this.rules, this.since);
    if (plan?.endAt === this.#endAt) return;
    if (this.#warned && kernel.phase === 'ready') this.#withdraw();
    this.stop();
    this.#endAt = plan?.endAt ?? null;
    if (plan !== null) this.#wait(plan.warnAt, plan.endAt);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#warned = false;
    this.#endAt = null;
  }

  #wait(warnAt: number, endAt: number): void {
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(0, warnAt - Date.now()));
    const again = (): void => (Date.now() < warnAt ? this.#wait(warnAt, endAt) : this.#warn(endAt));
    this.#timer = setTimeout(again, wait).unref();
  }

  /** Without a cell of this client it goes unparented, to the log of the notebook. */
  #warn(endAt: number): void {
    this.#warned = true;
    const again = this.#shownIn === this.#cell;
    this.#shownIn = this.#cell;
    if (this.#cell === null) this.publish('stream', { name: 'stderr', text: `${warning(endAt)}\n` });
    else this.#show(again ? 'update_display_data' : 'display_data', warning(endAt), this.#cell);
  }

  #withdraw(): void {
    if (this.#shownIn !== null) this.#show('update_display_data', KEPT, this.#shownIn);
  }

  #show(type: string, text: string, cell: Buffer): void {
    const content = { data: { 'text/plain': text }, metadata: {}, transient: { display_id: this.#displayId } };
    this.publish(type, content, cell);
  }
}
