import type { KernelId, LaunchSpec } from '#libs/contracts';
import type { KernelFact } from '../kernel-host.js';
import { HostedPod } from './hosted-pod.js';
import { HostedPods } from './hosted-pods.js';
import { Launches } from './launches.js';
import type { PodRef } from './pod-api.js';
import type { PodContext } from './pod-context.js';
import type { ColdStart } from './pod-starts.js';

const KERNEL = 'a0000000-0000-4000-8000-000000000000' as KernelId;
const REF = { podId: KERNEL, namespace: 'scans', image: 'python' };
const NO_SECRETS = { clientToken: '', controlToken: '', tls: { certificate: '', key: '' } };
const WHOM = { owner: 'ada', project: null, place: null };
const SPEC: LaunchSpec = {
  command: { kind: 'image', image: 'python', python: 'python3' },
  env: {},
  workingDirectory: null,
  limits: { cpuMilli: null, memoryBytes: null },
  launchTimeoutSeconds: 60,
};
const failed = { phase: 'Failed', reason: 'OutOfcpu' };
const DETAIL = 'The node gave the pod of the kernel back: OutOfcpu';

let told: KernelFact[];
let removed: unknown[][];
let made: { pod: HostedPod; start: ColdStart }[];
let launches: Launches;
/** What hinders the next start. */
let refusal: Error | undefined;
beforeEach(() => {
  [told, removed, made, refusal] = [[], [], [], undefined];
  const hosted = new HostedPods();
  const context: PodContext = {
    term: 1,
    log: { info: () => {}, warn: () => {} },
    introduced: new Set(),
    tell: (fact) => {
      told.push(fact);
      if (fact.kind !== 'launch-again') launches.forget(KERNEL);
    },
    remove: async (...of: [PodRef, number, string?]) => void removed.push(of),
    again: (...of) => launches.again(...of),
  };
  const cold = async (kernelId: KernelId, _: unknown, start: ColdStart) => {
    if (refusal !== undefined) throw refusal;
    const pod = hosted.keep(new HostedPod(context, REF, NO_SECRETS, kernelId));
    made.push({ pod, start });
    pod.onPod({ metadata: { uid: `pod ${made.length}` } });
  };
  launches = new Launches(hosted, { cold }, { take: () => undefined, refill: () => {} }, context);
});

const launch = (changes: Partial<LaunchSpec> = {}) => launches.launch(KERNEL, WHOM, { ...SPEC, ...changes });
const cut = (n: number) => made[n]?.pod.onPod({ metadata: { uid: `pod ${n + 1}` }, status: failed });
const gone = async (n: number) => {
  made[n]?.pod.onPodGone();
  while (launches.isUnderWay(KERNEL)) await new Promise(setImmediate);
};

it('makes another pod of the same kernel once the one that was cut short is gone, and says why', async () => {
  await launch();
  cut(0);
  expect(removed).toEqual([[REF, 0, 'pod 1']]);
  expect(told).toEqual([{ kind: 'launch-again', kernelId: KERNEL, reason: DETAIL }]);
  await new Promise(setImmediate);
  expect(made).toHaveLength(1);
  await gone(0);
  expect(made).toHaveLength(2);
  expect(made[1]?.start.env).toEqual(made[0]?.start.env);
  expect(made[1]?.start.limit.leftMs).toBeLessThan(60_000);
  expect(made[1]?.start.limit).toMatchObject({ seconds: 60, warning: DETAIL });
  cut(1);
  await gone(1);
  expect(made).toHaveLength(3);
  expect(told).toHaveLength(2);
});

it('says the same to who asks later, until its agent is told of', async () => {
  await launch();
  cut(0);
  launches.retell(KERNEL);
  expect(told).toHaveLength(2);
  await gone(0);
  launches.forget(KERNEL);
  launches.retell(KERNEL);
  expect(told).toHaveLength(2);
});

it('makes none for a kernel that is to end meanwhile, and leaves no secret', async () => {
  await launch();
  cut(0);
  expect(launches.stop(KERNEL)).toBe(true);
  await gone(0);
  expect(made).toHaveLength(1);
  expect(told.at(-1)).toMatchObject({ kind: 'exited', kernelId: KERNEL, agentLost: false });
  expect(removed.at(-1)).toEqual([REF, 0]);
});

it('gives up when the time is over, with the reason', async () => {
  await launch({ launchTimeoutSeconds: 0 });
  cut(0);
  expect(told).toEqual([{ kind: 'launch-failed', kernelId: KERNEL, detail: DETAIL }]);
});

it('tells what refuses the next one, and leaves no secret', async () => {
  await launch();
  cut(0);
  refusal = new Error('The quota leaves no room.');
  await gone(0);
  expect(told.at(-1)).toEqual({ kind: 'launch-failed', kernelId: KERNEL, detail: 'The quota leaves no room.' });
  expect(removed.at(-1)).toEqual([REF, 0]);
});

it('makes again what an earlier launcher made, once it is told what of', async () => {
  await launch();
  launches.forget(KERNEL);
  await launch();
  expect(made).toHaveLength(1);
  cut(0);
  await gone(0);
  expect(made).toHaveLength(2);
});
