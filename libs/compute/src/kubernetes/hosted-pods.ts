import type { KernelId } from '#libs/contracts';
import type { HostedPod } from './hosted-pod.js';

/** The pods of a host until they are gone: each by the id it was made under, and by that of the kernel in it. */
export class HostedPods {
  readonly #byPod = new Map<KernelId, HostedPod>();
  readonly #byKernel = new Map<KernelId, HostedPod>();

  get all(): readonly HostedPod[] {
    return [...this.#byPod.values()];
  }

  /** Those that are somebody's. */
  get kernels(): readonly HostedPod[] {
    return [...this.#byKernel.values()];
  }

  pod(podId: KernelId): HostedPod | undefined {
    return this.#byPod.get(podId);
  }

  kernel(kernelId: KernelId): HostedPod | undefined {
    return this.#byKernel.get(kernelId);
  }

  /** Again when it has become somebody's. */
  keep(pod: HostedPod): HostedPod {
    const { podId } = pod;
    this.#byPod.set(podId, pod);
    if (pod.isSomebodys) this.#byKernel.set(pod.kernelId, pod);
    void pod.gone.then(() => {
      if (this.#byPod.get(podId) === pod) this.#byPod.delete(podId);
      if (this.#byKernel.get(pod.kernelId) === pod) this.#byKernel.delete(pod.kernelId);
    });
    return pod;
  }

  clear(): void {
    this.#byPod.clear();
    this.#byKernel.clear();
  }
}
