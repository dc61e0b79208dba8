import type { V1Pod } from '@kubernetes/client-node';
import { type PodVerdict, podVerdict } from './pod-verdict.js';

type Ended = Extract<PodVerdict, { kind: 'ended' }>;

/** The latest that a pod's status says, and waiting for the end of its kernel's container to show in it. */
export class PodStatus {
  #verdict: PodVerdict = { kind: 'on-its-way' };
  #onVerdict = (): void => {};

  take(pod: V1Pod): PodVerdict {
    this.#verdict = podVerdict(pod);
    this.#onVerdict();
    return this.#verdict;
  }

  /** How the container of the kernel has ended; undefined while it has not. */
  get end(): Ended | undefined {
    return this.#verdict.kind === 'ended' ? this.#verdict : undefined;
  }

  /** The same, or undefined where it does not show in time: an agent sees it before the status does. */
  async endWithin(patienceMs: number): Promise<Ended | undefined> {
    const late = Date.now() + patienceMs;
    while (this.end === undefined && Date.now() < late) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#onVerdict = resolve;
        timer = setTimeout(resolve, late - Date.now()).unref();
      });
      clearTimeout(timer);
    }
    return this.end;
  }
}
