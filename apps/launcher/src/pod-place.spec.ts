import type { PodFor } from '#libs/compute';
import type { KernelPlace } from '#libs/contracts';
import { Config } from '#libs/platform';
import { podPlace } from './pod-place.js';

const compute = (changes: object = {}) => Config.parse({ compute: changes }).compute;
const somewhere = (changes: Partial<KernelPlace> = {}): PodFor => ({
  owner: 'ada',
  project: null,
  place: { node: 'n7', flavor: 'a100', devices: [], gpuMilli: 0, migProfile: null, ...changes },
});
const A100 = { 'nvidia.com/gpu.product': 'NVIDIA-A100-SXM4-80GB' };

it('is anywhere, without devices, where the core chose nothing', () => {
  const place = podPlace(compute({ uid: 7, gid: 8, groups: [9] }))({ ...somewhere(), place: null }, {});
  expect(place).toMatchObject({ node: null, uid: 7, gid: 8, groups: [9], devices: {} });
});

it('has the tolerations and the class of the settings', () => {
  const tolerations = [{ key: 'gpu', operator: 'Exists' as const, effect: 'NoSchedule' as const }];
  const place = podPlace(compute({ tolerations, priorityClass: 'kernels' }));
  expect(place(somewhere(), {})).toMatchObject({ node: 'n7', tolerations, priorityClass: 'kernels' });
});

it.each([
  ['whole devices', { devices: [0, 3], gpuMilli: 1000 }, { 'nvidia.com/gpu': 2 }],
  ['a share', { devices: [3], gpuMilli: 250 }, { 'nvidia.com/gpu.shared': 1 }],
  ['an instance', { devices: [1], gpuMilli: 0, migProfile: '1g.10gb' }, { 'nvidia.com/mig-1g.10gb': 1 }],
])('asks for %s by the name that is usual', (_, chosen, devices) => {
  expect(podPlace(compute())(somewhere(chosen), A100).devices).toEqual(devices);
});

it.each([
  ['whole devices', { devices: [0, 3], gpuMilli: 1000 }, { 'example.org/a100': 2 }],
  ['a share', { devices: [3], gpuMilli: 250 }, { 'example.org/a100-part': 1 }],
  ['an instance', { devices: [1], gpuMilli: 0, migProfile: '1g.10gb' }, { 'example.org/small': 1 }],
])('asks for %s by the name that the settings give', (_, chosen, devices) => {
  const deviceResources = {
    'NVIDIA-A100-SXM4-80GB': 'example.org/a100',
    'share:NVIDIA-A100-SXM4-80GB': 'example.org/a100-part',
    'mig:1g.10gb': 'example.org/small',
  };
  expect(podPlace(compute({ deviceResources }))(somewhere(chosen), A100).devices).toEqual(devices);
});

it('refuses a resource that no cluster can have', () => {
  expect(() => compute({ deviceResources: { A100: 'gpu' } })).toThrow(/domain\/name/);
});
