import { sizeOf } from './size.js';
import { wishesFrom } from './wishes.js';

const GiB = 1024 ** 3;
const profile = {
  requests: { cpuMilli: 500, memoryBytes: GiB },
  limits: { cpuMilli: null, memoryBytes: 4 * GiB },
};
const capacity = { cpuMilli: 8000, memoryBytes: 32 * GiB };
const sized = (env: Record<string, string>) => sizeOf(profile, wishesFrom(env, 'env'), capacity);

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
  expect(() => sized({ KERNEL_MEMORY: '5Gi' })).toThrow(/more than this profile allows, 4 GiB/);
});
