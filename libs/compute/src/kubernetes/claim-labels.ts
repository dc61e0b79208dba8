import type { KernelId } from '#libs/contracts';
import type { HostLog } from '../process/process-host-options.js';
import { LABEL } from './manifest.js';
import type { PodApi, PodRef } from './pod-api.js';

/** Since the last claim, milliseconds: a label makes work for the API server and the kubelet, and who starts goes first. */
const QUIET_MS = 2000;

/**
 * Labels pods that were warm with the kernel that they serve, one after another and when nobody is served. For people who
 * look at pods; whose a pod is, its agent says, so nothing is lost where this can't be done.
 */
export class ClaimLabels {
  readonly #due = new Map<KernelId, PodRef>();
  #timer: NodeJS.Timeout | undefined;
  #isWaiting = false;
  #closed = false;

  constructor(
    private readonly api: Pick<PodApi, 'label'>,
    private readonly log: HostLog,
  ) {}

  add(kernelId: KernelId, pod: PodRef): void {
    this.#due.set(kernelId, pod);
    this.#later();
  }

  /** It needs none any more. */
  forget(kernelId: KernelId): void {
    this.#due.delete(kernelId);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #later(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#isWaiting = true;
    this.#timer = setTimeout(() => {
      this.#isWaiting = false;
      void this.#labelOne();
    }, QUIET_MS).unref();
  }

  async #labelOne(): Promise<void> {
    const [next] = this.#due;
    if (next === undefined || this.#closed) return;
    const [kernelId, pod] = next;
    this.#due.delete(kernelId);
    await this.api.label(pod, { [LABEL.claimedBy]: kernelId }).catch((error: Error) => {
      this.log.info({ kernelId, reason: error.message }, 'the pod of a kernel could not be labelled');
    });
    if (!this.#isWaiting) void this.#labelOne();
  }
}
