import { setTimeout as delay } from 'node:timers/promises';
import type { KernelId, LaunchSpec } from '#libs/contracts';
import { type LaunchFor, NO_EXIT } from '../kernel-host.js';
import type { HostedPod } from './hosted-pod.js';
import type { HostedPods } from './hosted-pods.js';
import { podName } from './manifest.js';
import type { PodRef } from './pod-api.js';
import type { PodContext } from './pod-context.js';
import type { PodPools } from './pod-pools.js';
import type { PodStarts } from './pod-starts.js';

/** Before the second new pod in succession: whatever cut the first short may take a moment to pass. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;

/** What a kernel is made of, as long as it may have to be made again. */
interface Launch {
  readonly whom: LaunchFor;
  readonly spec: LaunchSpec;
  /** By the clock that never jumps, milliseconds. */
  readonly until: number;
  readonly stop: AbortController;
  /** How often it was cut short, and why the last time. */
  cuts: number;
  detail: string;
}

/**
 * Launches of kernels. One whose start was cut short by its node is made again, under its name and with its secret, until its
 * time is over: a name is there once in a cluster, and the next pod is not made before the one before is gone.
 */
export class Launches {
  /** Until its agent is told of, or it has ended. */
  readonly #known = new Map<KernelId, Launch>();
  readonly #underWay = new Map<KernelId, Promise<void>>();
  #closed = false;

  constructor(
    private readonly hosted: HostedPods,
    private readonly starts: Pick<PodStarts, 'cold'>,
    private readonly pools: Pick<PodPools<HostedPod>, 'take' | 'refill'>,
    private readonly context: Pick<PodContext, 'tell' | 'remove' | 'log'>,
  ) {}

  get isIdle(): boolean {
    return this.#underWay.size === 0;
  }

  isUnderWay(kernelId: KernelId): boolean {
    return this.#underWay.has(kernelId);
  }

  /** Resolves when it is under way, or has failed, which is told. */
  async launch(kernelId: KernelId, whom: LaunchFor, spec: LaunchSpec): Promise<void> {
    if (this.isUnderWay(kernelId)) return;
    const until = performance.now() + spec.launchTimeoutSeconds * 1000;
    const present = this.hosted.kernel(kernelId);
    const launch = { whom, spec, until, stop: new AbortController(), cuts: 0, detail: '' };
    const isThere = present !== undefined && !present.ended;
    // An earlier launcher made its pod, which may be cut short yet.
    if (!isThere || !this.#known.has(kernelId)) this.#known.set(kernelId, launch);
    if (!isThere) await this.#begin(kernelId, launch);
  }

  /** @see PodContext.again */
  again(kernelId: KernelId, detail: string): boolean {
    const launch = this.#known.get(kernelId);
    if (launch === undefined || this.#closed || performance.now() >= launch.until) return false;
    launch.cuts += 1;
    launch.detail = detail;
    this.context.log.warn({ kernelId, reason: detail }, 'a launch was cut short, and is made again');
    this.retell(kernelId);
    void this.#begin(kernelId, launch);
    return true;
  }

  /** Ends a launch that is under way. @returns false where none is */
  stop(kernelId: KernelId): boolean {
    if (!this.isUnderWay(kernelId)) return false;
    this.#known.get(kernelId)?.stop.abort();
    return true;
  }

  /** Tells again why a kernel takes another try. */
  retell(kernelId: KernelId): void {
    const { cuts = 0, detail = '' } = this.#known.get(kernelId) ?? {};
    if (cuts > 0) this.context.tell({ kind: 'launch-again', kernelId, reason: detail });
  }

  /** Its agent was told of, or its end; while a launch is under way, that was of an earlier pod. */
  forget(kernelId: KernelId): void {
    if (!this.isUnderWay(kernelId)) this.#known.delete(kernelId);
  }

  close(): void {
    this.#closed = true;
    for (const { stop } of this.#known.values()) stop.abort();
  }

  /** One after another, if a pod is cut short before its launch has returned. */
  #begin(kernelId: KernelId, launch: Launch): Promise<void> {
    const before = this.#underWay.get(kernelId) ?? Promise.resolve();
    const done = before
      .then(() => this.#make(kernelId, launch))
      .finally(() => {
        this.pools.refill();
        if (this.#underWay.get(kernelId) !== done) return;
        this.#underWay.delete(kernelId);
        if (this.hosted.kernel(kernelId)?.ended ?? true) this.forget(kernelId);
      });
    this.#underWay.set(kernelId, done);
    return done;
  }

  async #make(kernelId: KernelId, launch: Launch): Promise<void> {
    const { spec, until, stop, cuts } = launch;
    const present = this.hosted.kernel(kernelId);
    try {
      await present?.gone;
      await pause(cuts, stop.signal);
      if (this.#closed) return;
      if (cuts > 0 && performance.now() >= until)
        throw new Error(`The kernel did not answer within ${spec.launchTimeoutSeconds} seconds: ${launch.detail}`);
      if (!stop.signal.aborted) await this.#makePod(kernelId, launch);
      const pod = this.hosted.kernel(kernelId);
      if (!stop.signal.aborted) return;
      if (pod !== undefined) pod.stop(0);
      else await this.#leave(kernelId, present?.ref);
    } catch (error) {
      const { message: detail } = error as Error;
      const pod = this.hosted.kernel(kernelId);
      if (pod !== undefined) return pod.fail(detail);
      this.context.tell({ kind: 'launch-failed', kernelId, detail });
      if (cuts > 0) await this.#removeSecret(present?.ref);
    }
  }

  async #makePod(kernelId: KernelId, { whom, spec, until, cuts, detail }: Launch): Promise<void> {
    const { command } = spec;
    if (command.kind !== 'image') throw new Error('This service runs pods, and this kernel is made from no image.');
    const { owner, project, place } = whom;
    const env = { ...spec.env, KERNEL_ID: kernelId, KERNEL_USERNAME: owner };
    const like = { ...spec, command };
    // The secret of one that was cut short is there for the next.
    const warm = cuts === 0 ? this.pools.take(like, project, place) : undefined;
    if (warm === undefined) {
      const limit = { seconds: spec.launchTimeoutSeconds, leftMs: until - performance.now(), warning: detail };
      return this.starts.cold(kernelId, whom, { like, env, cwd: spec.workingDirectory ?? '', limit });
    }
    const cwd = spec.workingDirectory;
    this.context.log.info({ kernelId, owner, pod: podName(warm.podId) }, 'claiming a warm kernel');
    warm.become(kernelId, { env, ...(cwd === null ? {} : { cwd }) }, spec.launchTimeoutSeconds);
    this.hosted.keep(warm);
  }

  /** It is to end, and there is no pod of it. */
  async #leave(kernelId: KernelId, ref: PodRef | undefined): Promise<void> {
    this.context.tell({ kind: 'exited', kernelId, ...NO_EXIT });
    await this.#removeSecret(ref);
  }

  /** What is left is found by comparing labels. */
  async #removeSecret(ref: PodRef | undefined): Promise<void> {
    if (ref === undefined) return;
    await this.context.remove(ref, 0).catch(({ message: reason }: Error) => {
      this.context.log.warn({ kernelId: ref.podId, reason }, 'a secret could not be deleted');
    });
  }
}

/** @param cuts  the more there were, the longer */
async function pause(cuts: number, signal: AbortSignal): Promise<void> {
  if (cuts < 2) return;
  const ms = Math.min(FIRST_WAIT_MS * 2 ** (cuts - 2), LONGEST_WAIT_MS);
  await delay(ms, undefined, { signal, ref: false }).catch(() => {});
}
