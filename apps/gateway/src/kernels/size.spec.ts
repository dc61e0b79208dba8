import type { Profile } from '#libs/contracts';
import { sizeOf } from './size.js';
import { wishesFrom } from './wishes.js';

const GiB = 1024 ** 3;
const profile = {
  requests: { cpuMilli: 500, memoryBytes: GiB },
  limits: { cpuMilli: null, memoryBytes: 4 * GiB },
};
const sized = (env: Record<string, string>, of: Profile = profile) => sizeOf(of, wishesFrom(env, 'env'));

it.each([
  ['500m', 500],
  ['2', 2000],
  ['0.25', 250],
])('reads %s CPUs', (text, cpuMilli) => {
  expect(sized({ KERNEL_CPUS: text }).requests.cpuMilli).toBe(cpuMilli);
});

it.each([
  ['1073741824', GiB],
  ['2Gi', 2 * GiB],
  ['512M', 512e6],
  ['1.5Gi', 1.5 * GiB],
])('reads %s of memory', (text, memoryBytes) => {
  expect(sized({ KERNEL_MEMORY: text }).requests.memoryBytes).toBe(memoryBytes);
});

it.each(['0', '-1', '2x', '1e9', '', ' ', '9999999999999999Ti'])('takes %j for no quantity', (text) => {
  if (text === '') expect(sized({ KERNEL_MEMORY: text })).toEqual(profile);
  else expect(() => sized({ KERNEL_MEMORY: text })).toThrow(/env\.KERNEL_MEMORY must be a quantity/);
});

it('keeps the profile where nothing is wished', () => expect(sized({})).toEqual(profile));

it('lowers what is booked with a lower limit', () => {
  const { requests, limits } = sized({ KERNEL_MEMORY_LIMIT: '512Mi', KERNEL_CPUS_LIMIT: '0.1' });
  expect(requests).toEqual({ cpuMilli: 100, memoryBytes: GiB / 2 });
  expect(limits).toEqual({ cpuMilli: 100, memoryBytes: GiB / 2 });
});

it('refuses a request above its own limit, or above the profile', () => {
  expect(() => sized({ KERNEL_MEMORY: '2Gi', KERNEL_MEMORY_LIMIT: '1Gi' })).toThrow(/above the limit of 1 GiB/);
  expect(() => sized({ KERNEL_MEMORY: '5Gi' })).toThrow(
    'env.KERNEL_MEMORY: 5 GiB of memory is more than this profile allows, 4 GiB of memory.',
  );
  expect(() => sized({ KERNEL_MEMORY_LIMIT: '5Gi' })).toThrow(/^env\.KERNEL_MEMORY_LIMIT: 5 GiB/);
});

describe('GPUs', () => {
  const gpusOf = (env: Record<string, string>, of: Profile = profile) => sized(env, of).requests.gpu;
  const withGpu = (gpu: object, limits: object = {}): Profile => ({
    requests: { ...profile.requests, gpu: { count: 1, milli: 1000, migProfile: null, ...gpu } },
    limits: { ...profile.limits, ...limits },
  });

  it('are as many whole ones as KERNEL_GPUS says, or those of the profile', () => {
    expect(gpusOf({})).toBeUndefined();
    expect(gpusOf({ KERNEL_GPUS: '2' })).toEqual({ count: 2, milli: 1000, migProfile: null });
    expect(gpusOf({ KERNEL_GPUS_LIMIT: '1' })?.count).toBe(1);
    expect(gpusOf({ KERNEL_GPUS: '2', KERNEL_GPUS_LIMIT: '2' }, withGpu({}))?.count).toBe(2);
    expect(gpusOf({}, withGpu({ count: 4 }))?.count).toBe(4);
    expect(gpusOf({ KERNEL_GPUS: '0' }, withGpu({}))).toBeUndefined();
    expect(sized({ KERNEL_GPUS: '2' }, withGpu({}, { gpus: 2 })).limits).toEqual(profile.limits);
  });

  it.each(['-1', '1.5', 'two', '65', '1m'])('are not %j', (text) => {
    expect(() => gpusOf({ KERNEL_GPUS: text })).toThrow('env.KERNEL_GPUS must be a whole number of GPUs, at most 64');
  });

  it('are refused beyond the profile, by the variable and the limit', () => {
    const two = withGpu({}, { gpus: 2 });
    expect(() => gpusOf({ KERNEL_GPUS: '3' }, two)).toThrow(
      'env.KERNEL_GPUS: 3 GPUs are more than this profile allows, 2.',
    );
    expect(() => gpusOf({ KERNEL_GPUS_LIMIT: '3' }, two)).toThrow(/^env\.KERNEL_GPUS_LIMIT: 3 GPUs/);
    for (const part of [{ milli: 500 }, { migProfile: '1g.5gb' }]) {
      expect(gpusOf({ KERNEL_GPUS: '1' }, withGpu(part))).toMatchObject({ count: 1, ...part });
      expect(() => gpusOf({ KERNEL_GPUS: '2' }, withGpu(part))).toThrow(/which gives a part of a GPU, 1\.$/);
    }
    expect(() => gpusOf({ KERNEL_GPUS: '1', KERNEL_GPUS_LIMIT: '2' })).toThrow(
      'env.KERNEL_GPUS_LIMIT must be 1 as KERNEL_GPUS, or be left out',
    );
  });
});
