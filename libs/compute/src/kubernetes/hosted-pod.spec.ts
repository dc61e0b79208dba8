import { jest } from '@jest/globals';
import type { KernelId } from '#libs/contracts';
import type { KernelFact } from '../kernel-host.js';
import { HostedPod } from './hosted-pod.js';

const SPEC = { clientToken: '', controlToken: '', tls: { certificate: '', key: '' } };
const KERNEL = 'a0000000-0000-4000-8000-000000000000' as KernelId;
const mount = 'MountVolume.SetUp failed for volume "raw": no such host';

let told: KernelFact[];
let pod: HostedPod;
beforeEach(() => {
  jest.useFakeTimers();
  told = [];
  const log = { info: () => {}, warn: () => {} };
  const tell = (fact: KernelFact) => told.push(fact);
  const context = { term: 1, log, introduced: new Set<string>(), tell, remove: async () => {} };
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
