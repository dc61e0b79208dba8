import { jest } from '@jest/globals';
import type { KernelId } from '#libs/contracts';
import type { KernelFact } from '../kernel-host.js';
import { HostedPod } from './hosted-pod.js';

const SPEC = { clientToken: '', controlToken: '', tls: { certificate: '', key: '' } };
const KERNEL = 'a0000000-0000-4000-8000-000000000000' as KernelId;
const mount = 'MountVolume.SetUp failed for volume "raw": no such host';

let told: KernelFact[];
let pod: HostedPod;
/** What was asked to be made again, and whether it is. */
let asked: string[];
let isAgain: boolean;
/** How often it was asked to be deleted, and what the cluster says to that. */
let removals: number;
let refusal: Error | undefined;
beforeEach(() => {
  jest.useFakeTimers();
  told = [];
  asked = [];
  isAgain = true;
  removals = 0;
  refusal = undefined;
  const remove = async (): Promise<void> => {
    removals += 1;
    if (refusal) throw refusal;
  };
  const again = (_: KernelId, detail: string) => {
    asked.push(detail);
    return isAgain;
  };
  const log = { info: () => {}, warn: () => {} };
  const tell = (fact: KernelFact) => told.push(fact);
  const context = { term: 1, log, introduced: new Set<string>(), tell, remove, again };
  pod = new HostedPod(context, { podId: KERNEL, namespace: 'scans', image: 'python' }, SPEC, KERNEL);
  pod.limitStart(60);
  pod.onPod({ metadata: { uid: 'this' } });
});
afterEach(() => jest.useRealTimers());

it('fails by a volume that can not be mounted', () => {
  pod.onWarning('this', 'FailedMount', mount);
  const detail = `A volume of the kernel could not be mounted: ${mount}`;
  expect(told).toEqual([{ kind: 'launch-failed', kernelId: KERNEL, detail }]);
});

it('waits for a volume whose kubelet or API server was interrupted', () => {
  pod.onWarning(
    'this',
    'FailedMount',
    'MountVolume.SetUp failed for volume "raw": object "scans"/"key" not registered',
  );
  pod.onWarning('this', 'FailedMount', 'failed to fetch PVC: dial tcp 10.0.0.1:6443: connect: connection refused');
  expect(told).toEqual([]);
  pod.onWarning('this', 'FailedMount', 'mount failed: exit status 32 Output: mount.nfs: Connection refused');
  expect(told).toMatchObject([{ kind: 'launch-failed' }]);
});

it('is not concerned by what was said of an earlier pod of its name', () => {
  pod.onWarning('another', 'FailedMount', mount);
  expect(told).toEqual([]);
});

it('waits for a volume that may yet come, and says at the end what it waited for', () => {
  pod.onWarning('this', 'FailedAttachVolume', 'Multi-Attach error for volume "raw"');
  expect(told).toEqual([]);
  jest.advanceTimersByTime(60_000);
  const detail =
    'The kernel did not answer within 60 seconds; the cluster warns: FailedAttachVolume: Multi-Attach error for volume "raw"';
  expect(told).toEqual([{ kind: 'launch-failed', kernelId: KERNEL, detail }]);
});

const cut = { name: 'agent', image: '', imageID: '', ready: false, restartCount: 0 };
const given = { metadata: { uid: 'this' }, status: { phase: 'Failed', reason: 'UnexpectedAdmissionError' } };

it('is made again, and tells nothing more, when its node cut its start short', () => {
  pod.onPod(given);
  expect(asked).toEqual(['The node gave the pod of the kernel back: UnexpectedAdmissionError']);
  pod.onWarning('this', 'FailedMount', mount);
  pod.onPod({ ...given, status: { containerStatuses: [{ ...cut, state: { terminated: { exitCode: 1 } } }] } });
  jest.advanceTimersByTime(60_000);
  pod.onPodGone();
  expect(told).toEqual([]);
  expect(asked).toHaveLength(1);
});

it('has failed with the reason when it is not to be made again', () => {
  isAgain = false;
  pod.onPod(given);
  expect(told).toMatchObject([{ kind: 'launch-failed', detail: expect.stringContaining('UnexpectedAdmissionError') }]);
});

it('is gone when another has its name', async () => {
  pod.onPod(given);
  pod.onPod({ metadata: { uid: 'another' } });
  await expect(pod.gone).resolves.toBeUndefined();
  expect(told).toEqual([]);
});

it('is made again when somebody deletes it, unless it was to end', () => {
  pod.stop(0);
  pod.onPodGone();
  expect(asked).toEqual([]);
  expect(told).toMatchObject([{ kind: 'exited', agentLost: false }]);
});

it('may have been ready under an earlier launcher, and has ended then', () => {
  isAgain = false;
  pod.adopt(60);
  pod.onPod(given);
  expect(told).toMatchObject([{ kind: 'exited', agentLost: true }]);
});

it('is deleted again when that was refused, though it has gone by itself meanwhile: its secret is left', async () => {
  refusal = new Error('secrets "kernel" is forbidden');
  pod.stop(0);
  await jest.advanceTimersByTimeAsync(0);
  expect(removals).toBe(1);
  pod.onPodGone();
  let isGone = false;
  void pod.gone.then(() => {
    isGone = true;
  });
  refusal = undefined;
  await jest.advanceTimersByTimeAsync(4_999);
  expect(isGone).toBe(false);
  await jest.advanceTimersByTimeAsync(1);
  expect(isGone).toBe(true);
  await jest.advanceTimersByTimeAsync(60_000);
  expect(removals).toBe(2);
});
