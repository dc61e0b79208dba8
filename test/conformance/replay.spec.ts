import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { Beamgate } from '../support/beamgate.js';
import { call } from '../support/gateway.js';
import { root } from '../support/parts.js';
import { eventually } from '../support/processes.js';
import { Scope } from '../support/scope.js';
import { as, createToken, endKernel, getKernel, inPhase, listKernels } from '../support/v1.js';

const GiB = 1024 ** 3;
const scope = new Scope();
let beamgate: Beamgate;

const nodes = [
  { id: 'gpu-1', cpuMilli: 8_000, memoryBytes: 8 * GiB, gpu: { model: 'A100', devices: ['whole', 'whole'] } },
  { id: 'gpu-2', cpuMilli: 8_000, memoryBytes: 8 * GiB, gpu: { model: 'A100', devices: ['whole'] } },
];
const profiles = {
  a100: {
    requests: { cpuMilli: 100, memoryBytes: GiB / 16, gpu: { count: 1 } },
    limits: { cpuMilli: null, memoryBytes: null },
  },
};
const own = (gpus: number) => ({ gpuMilli: { nominal: gpus * 1_000 } });
const queues = (changes: object = {}) => ({
  flavors: [{ name: 'a100', kind: 'gpu', model: 'A100' }],
  cohorts: [{ name: 'site' }],
  queues: [
    { name: 'users', cohort: 'site', quota: { a100: own(2) } },
    { name: 'night', cohort: 'site', quota: { a100: own(1) } },
  ],
  classes: [
    { name: 'interactive', rank: 700, evict: 'never' },
    { name: 'batch', rank: 500, evict: 'requeue' },
  ],
  policies: { graceSeconds: 1 },
  ...changes,
});

/** The program that admins have. */
function beamgateCli(...args: string[]): string {
  const { BEAMGATE_URL: _url, ...env } = process.env;
  return execFileSync(process.execPath, [join(root, 'dist/apps/cli/src/main.js'), '--data', beamgate.data, ...args], {
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
const file = (name: string, text: string): string => {
  const path = join(beamgate.data, name);
  writeFileSync(path, text);
  return path;
};
const start = (queue: string, name: string): string =>
  beamgateCli('kernel', 'start', '--queue', queue, '--class', name, '--profile', 'a100').trim();

interface Told {
  metrics: Record<string, number>;
  starts: { id: string; at: number; queue: string; node: string; devices: number[]; waitMs: number }[];
}
const simulate = (...args: string[]): Told => JSON.parse(beamgateCli('simulate', ...args, '--json')) as Told;

beforeAll(async () => {
  const config = { profiles, defaultProfile: 'a100', scheduling: { nodes } };
  beamgate = scope.use(await Beamgate.start({ config }), (one) => one.stop());
});

it('replays a day of the service: its starts on their nodes, and what they would have been otherwise', async () => {
  beamgateCli('apply', '-f', file('queues.yaml', stringify(queues())));
  const night = [start('night', 'batch'), start('night', 'batch'), start('night', 'batch')];
  for (const id of night) await inPhase(beamgate, id, 'ready');
  // Two of its own are taken back, one after a notice each.
  const users = [start('users', 'interactive'), start('users', 'interactive')];
  for (const id of users) await inPhase(beamgate, id, 'ready');
  const late = start('users', 'interactive');
  expect((await getKernel(beamgate, late)).phase).toBe('queued');
  await beamgate.kill();
  await beamgate.startAgain();
  await endKernel(beamgate, users[0] ?? '');
  await inPhase(beamgate, late, 'ready');

  const log = file('day.ndjson', beamgateCli('log'));
  const was = simulate('--trace', log);
  const rows = new Map((await listKernels(beamgate)).map((kernel) => [kernel.id, kernel]));
  const last = new Map(was.starts.map((one) => [one.id, one]));
  const told = [...last.values()].filter(({ id }) => rows.has(id) && rows.get(id)?.phase !== 'queued');
  expect(new Set(told.map(({ id }) => id))).toEqual(
    new Set([...rows.values()].flatMap(({ id, place }) => (place ? [id] : []))),
  );
  for (const { id, at, node, devices, queue } of told) {
    const row = rows.get(id);
    expect([id, node, devices]).toEqual([id, row?.place?.node, row?.place?.devices]);
    expect(Date.parse(String(row?.['admittedAt']))).toBe(at);
    expect(queue).toBe(night.includes(id) ? 'night' : 'users');
  }
  expect(was.starts).toHaveLength(6);
  expect(was.metrics).toMatchObject({ requeued: 2, reclaimed: 0, 'useless evictions': 0, unstarted: 2, refused: 0 });
  expect(was.starts.find(({ id }) => id === late)?.waitMs).toBeGreaterThan(0);

  // With two devices of its own the night keeps one more, and a user waits instead.
  const [users2, night2] = queues().queues as [object, object];
  const other = file(
    'other.yaml',
    stringify(
      queues({
        queues: [
          { ...users2, quota: { a100: own(1) } },
          { ...night2, quota: { a100: own(2) } },
        ],
      }),
    ),
  );
  const page = join(beamgate.data, 'day.html');
  const would = simulate('--trace', log, '--config', other, '--html', page);
  expect(would.metrics).toMatchObject({ requeued: 1 });
  expect(would.starts.slice(0, 3).map(({ id, node, devices }) => [id, node, devices])).toEqual(
    was.starts.slice(0, 3).map(({ id, node, devices }) => [id, node, devices]),
  );
  expect(readFileSync(page, 'utf8')).toContain('Allocated of GPUs');
  expect(beamgateCli('simulate', '--trace', log)).toMatch(/^GPU allocated, % +\d/m);
});

it('gives the log to admins only, in parts, without secrets', async () => {
  const { token } = await createToken(beamgate, { user: 'eve', scopes: ['kernels'] });
  expect((await call(as(beamgate, token), '/v1/admin/log', {})).status).toBe(403);
  const all = beamgateCli('log');
  expect(all).not.toMatch(/eyJ|clientToken|controlToken|launch/);
  const now = new Date().toISOString();
  const since = beamgateCli('log', '--from', now).trimEnd().split('\n');
  expect(JSON.parse(since[0] ?? '')).toMatchObject({ kind: 'log', from: Date.parse(now) });
  // From the state at the last start of the service on.
  expect(since.length).toBeLessThan(all.trimEnd().split('\n').length);
  expect(() => beamgateCli('log', '--from', 'noon')).toThrow(/from: is no time of ISO 8601/);
  const empty = file('empty.ndjson', '');
  const wrong = promisify(execFile)(process.execPath, [
    ...[join(root, 'dist/apps/cli/src/main.js'), 'simulate', '--trace', empty],
  ]);
  await expect(wrong).rejects.toMatchObject({ stderr: expect.stringMatching(/empty\.ndjson: is empty/) });
  await eventually('the service still serves', async () => (await call(beamgate, '/readyz', {})).ok || undefined);
});
