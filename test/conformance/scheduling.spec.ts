import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { Beamgate } from '../support/beamgate.js';
import { gatedKernel, openGate } from '../support/gated-kernel.js';
import { call, type Gateway, remove } from '../support/gateway.js';
import { cell, Lab } from '../support/lab.js';
import { NotebookServer } from '../support/notebook-server.js';
import { root } from '../support/parts.js';
import { eventually } from '../support/processes.js';
import { Scope } from '../support/scope.js';
import { as, createKernel, createToken, endKernel, getKernel, inPhase, type KernelView, v1 } from '../support/v1.js';
import { WaitShown } from '../support/wait-shown.js';

const GiB = 1024 ** 3;
const scope = new Scope();
let beamgate: Beamgate;
let specs: string;
/** Runs from before there are queues. */
let before: string;

/** Two machines of one device each, as far as anybody can tell here, and one without. */
const nodes = [
  { id: 'gpu-1', cpuMilli: 8_000, memoryBytes: 8 * GiB, gpu: { model: 'A100', devices: ['whole', 'whole'] } },
  { id: 'gpu-2', cpuMilli: 8_000, memoryBytes: 8 * GiB, gpu: { model: 'T4', devices: ['whole'] } },
  { id: 'cpu-1', cpuMilli: 8_000, memoryBytes: 8 * GiB },
];
const size = (gpu?: object) => ({
  requests: { cpuMilli: 100, memoryBytes: GiB / 16, ...(gpu ? { gpu } : {}) },
  limits: { cpuMilli: null, memoryBytes: null },
});
const profiles = {
  small: size(),
  a100: { ...size({ count: 1 }), flavors: ['a100'] },
  t4: { ...size({ count: 1 }), flavors: ['t4'] },
};
const own = (gpus: number) => ({ gpuMilli: { nominal: gpus * 1_000 } });
const queues = (changes: object = {}) => ({
  flavors: [
    { name: 'cpu', kind: 'cpu' },
    { name: 'a100', kind: 'gpu', model: 'A100' },
    { name: 't4', kind: 'gpu', model: 'T4' },
  ],
  cohorts: [{ name: 'site' }],
  queues: [
    {
      name: 'users',
      cohort: 'site',
      quota: { cpu: {}, a100: own(1), t4: own(1) },
      caps: { perUser: { workloads: 3, gpuMilli: 1_000 } },
    },
    { name: 'night', cohort: 'site', quota: { cpu: {}, a100: own(1), t4: own(0) } },
    {
      name: 'beamline',
      cohort: 'site',
      quota: { cpu: {}, a100: own(0), t4: own(0) },
      caps: { perInstrument: { workloads: 1 } },
    },
  ],
  classes: [
    { name: 'live', rank: 900 },
    { name: 'interactive', rank: 700, evict: 'reclaim', idleSeconds: 1 },
    { name: 'batch', rank: 500, evict: 'requeue' },
    { name: 'scavenge', rank: 100, evict: 'requeue' },
  ],
  policies: { graceSeconds: 5 },
  ...changes,
});

/** The program that admins have. */
function beamgateCli(...args: string[]): string {
  const { BEAMGATE_URL: _url, ...env } = process.env;
  return execFileSync(process.execPath, [join(root, 'dist/apps/cli/src/main.js'), '--data', beamgate.data, ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
const file = (config: object): string => {
  const path = join(beamgate.data, 'queues.yaml');
  writeFileSync(path, stringify(config));
  return path;
};
const start = (...options: string[]): string => beamgateCli('kernel', 'start', ...options).trim();
const why = (id: string): string => beamgateCli('why', id);
const whySoon = (id: string, pattern: RegExp): Promise<string> =>
  eventually(`why ${id} is ${pattern}`, async () => [why(id)].find((text) => pattern.test(text)), 30);

/** What cell, events, REST and command say of a kernel that waits, once it is that. */
async function saidOf(id: string, pattern: RegExp, gateway: Gateway = beamgate): Promise<string> {
  const shown = await WaitShown.open(gateway, id, why);
  return shown.alike(pattern).finally(() => shown.close());
}

beforeAll(async () => {
  const auth = { instruments: { B7: ['b7-team'], B3: ['b3-team'] } };
  const config = { profiles, scheduling: { nodes }, auth };
  specs = scope.use(gatedKernel(), remove);
  const env = { JUPYTER_PATH: specs };
  beamgate = scope.use(await Beamgate.start({ config, env }), (one) => one.stop());
});

it('refuses a configuration that can not hold, with every fault by its path, and goes on as it was', async () => {
  const wrong = queues({ cohorts: [{ name: 'site', parent: 'site' }], reservations: [] });
  wrong.queues[0] = { ...wrong.queues[0], quota: { a100: own(-1), h100: own(1) } } as never;
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(root, 'dist/apps/cli/src/main.js'), '--data', beamgate.data, 'apply', '-f', file(wrong)],
    { encoding: 'utf8' },
  );
  expect(status).toBe(1);
  expect(stderr).toMatch(/queues\.users\.quota\.h100: there is no flavor h100/);
  expect(stderr).toMatch(/queues\.users\.quota\.a100\.gpuMilli\.nominal: -1000 is below 0/);
  expect(stderr).toMatch(/cohorts\.site/);
  expect(JSON.parse(beamgateCli('audit', '-o', 'json'))).toEqual([]);
});

it('completes its commands in a shell', () => {
  const script = join(beamgate.data, 'completion.bash');
  writeFileSync(script, beamgateCli('completion', 'bash'));
  const complete = (...line: string[]): string[] => {
    const words = `COMP_WORDS=(${line.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${line.length - 1}`;
    const shown = `printf '%s\\n' "\${COMPREPLY[@]}"`;
    const out = execFileSync('bash', ['-c', `source ${script}; ${words}; _beamgate; ${shown}`], { encoding: 'utf8' });
    return out.split('\n').filter(Boolean);
  };
  expect(complete('beamgate', 'que')).toEqual(['queue']);
  expect(complete('beamgate', 'kernel', 'st')).toEqual(['start', 'stop']);
  expect(complete('beamgate', 'squeue', '--q')).toEqual(['--queue']);
});

it('runs kernels before there are queues, on a place that only the launcher knows', async () => {
  const { id } = await createKernel(beamgate);
  expect((await inPhase(beamgate, id, 'ready')).place).toBeNull();
  before = id;
});

it('says what a configuration would change before it does, and who made it so', async () => {
  const path = file(queues());
  expect(beamgateCli('apply', '--dry-run', '-f', path)).toMatch(/\+ queues\.users: .*\nnothing changed, version 0\n$/s);
  expect(beamgateCli('apply', '-f', path)).toMatch(/applied as version 1\n$/);
  expect(beamgateCli('diff', '-f', path)).toBe('nothing changed, version 1\n');
  const audit = JSON.parse(beamgateCli('audit', '-o', 'json')) as {
    version: number;
    actor: string;
    changes: object[];
  }[];
  expect(audit).toMatchObject([
    {
      version: 1,
      action: 'scheduling',
      changes: expect.arrayContaining([expect.objectContaining({ path: 'queues.users' })]),
    },
  ]);
  expect(beamgateCli('info')).toMatch(/users +site +open +1 +0 +1\n/);
  expect(beamgateCli('sinfo')).toMatch(/a100 +1 +2\/2 /);
});

it('counts a kernel that runs from before them, also after the service was killed', async () => {
  expect(beamgateCli('info', '-o', 'wide')).toMatch(/users .* cpu\.cpuMilli=100\/any/);
  expect(why(before)).toMatch(/It does not wait: it is ready/);
  await beamgate.kill();
  await beamgate.startAgain();
  expect(beamgateCli('info')).toMatch(/users +site +open +1 +0 +1\n/);
  await endKernel(beamgate, before);
  await eventually(
    'its place is free',
    async () => /users +site +open +1 +0 +0\n/.test(beamgateCli('info')) || undefined,
  );
});

it('lets one of two changes of the same version win, and is for admins', async () => {
  const policies = await call(beamgate, '/v1/admin/policies', {});
  const etag = policies.headers.get('etag') ?? '';
  const body = JSON.stringify({ ...((await policies.json()) as object), backfillDepth: 2 });
  const put = (headers: Record<string, string>, gateway = beamgate as never) =>
    call(gateway, '/v1/admin/policies', {
      method: 'PUT',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    });
  expect((await put({})).status).toBe(428);
  const both = await Promise.all([put({ 'if-match': etag }), put({ 'if-match': etag })]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
  const { token } = await createToken(beamgate, { user: 'eve', scopes: ['kernels'] });
  const eve = as(beamgate, token);
  for (const path of ['queues', 'state', 'audit']) expect((await call(eve, `/v1/admin/${path}`, {})).status).toBe(403);
  expect((await put({ 'if-match': '*' }, eve as never)).status).toBe(403);
});

describe('three queues over two kinds of GPU', () => {
  const running = new Set<string>();
  afterAll(async () => {
    for (const id of running) await endKernel(beamgate, id).catch(() => undefined);
  });
  const ready = async (id: string): Promise<KernelView> => {
    running.add(id);
    return inPhase(beamgate, id, 'ready');
  };
  let borrowed: string;

  it('gives a client of Enterprise Gateway the GPUs that it asks for, and says how many there may be', async () => {
    const ask = (env: Record<string, string>) =>
      call(beamgate, '/api/kernels', {
        method: 'POST',
        body: JSON.stringify({ env: { KERNEL_QUEUE: 'night', ...env } }),
      });
    const refusal = async (env: Record<string, string>) => {
      const answer = await ask(env);
      return [answer.status, ((await answer.json()) as { message: string }).message];
    };
    const answer = await ask({ KERNEL_GPUS: '2', KERNEL_CPUS: '1', KERNEL_MEMORY: '128Mi' });
    const { id } = (await answer.json()) as { id: string };
    const { place, requests } = await ready(id);
    expect(requests).toMatchObject({ cpuMilli: 1_000, memoryBytes: 2 ** 27, gpu: { count: 2, milli: 1_000 } });
    expect(place).toEqual({ node: 'gpu-1', flavor: 'a100', devices: [0, 1] });
    await endKernel(beamgate, id);
    expect(await refusal({ KERNEL_GPUS: '3' })).toEqual([
      403,
      'The kernel asks for 3 GPUs, and the most that the queue night may ever use is 2 GPUs. Lower KERNEL_GPUS, or take a smaller profile.',
    ]);
    expect(await refusal({ KERNEL_CPUS: '9' })).toEqual([
      403,
      expect.stringContaining('asks for 9 CPUs, and the most that one node has is 8 CPUs. Lower KERNEL_CPUS'),
    ]);
    expect(await refusal({ KERNEL_GPUS: '2', KERNEL_QUEUE: 'users' })).toEqual([
      403,
      expect.stringContaining(
        'the most that one user may have at once in the queue users is 1 GPUs. Lower KERNEL_GPUS',
      ),
    ]);
    expect((await refusal({ KERNEL_GPUS: 'all' }))[0]).toBe(400);
  });

  it('lends what nobody uses, and takes it back after a notice', async () => {
    const first = start('--queue', 'night', '--class', 'batch', '--profile', 'a100', '--wall', '3600');
    borrowed = start('--queue', 'night', '--class', 'batch', '--profile', 'a100', '--wall', '3600');
    const { place } = await ready(first);
    expect(place).toMatchObject({ node: 'gpu-1', flavor: 'a100' });
    expect((await ready(borrowed)).place).toMatchObject({ node: 'gpu-1', flavor: 'a100' });
    expect(beamgateCli('info', '-o', 'wide')).toMatch(/night .* a100\.gpuMilli=2000\/1000/);
    const mine = start('--queue', 'users', '--profile', 'a100');
    expect(await saidOf(mine, /Others give it their place/)).toMatch(/Queued: position 1 of 1\./);
    await ready(mine);
    const gone = await Promise.all([first, borrowed].map((id) => getKernel(beamgate, id)));
    const [out] = gone.filter(({ phase }) => phase === 'queued');
    expect(out).toBeDefined();
    borrowed = out?.id ?? '';
    expect(await saidOf(borrowed, /share of a100/)).toMatch(
      /Its queue night has used up its share of a100: 1 GPUs lack\./,
    );
  });

  it('tells a cell of JupyterLab the same', async () => {
    const server = scope.use(await NotebookServer.start({ gateway: beamgate, env: { KERNEL_QUEUE: 'night' } }), (one) =>
      one.stop(),
    );
    const lab = scope.use(new Lab(server), (one) => one.dispose());
    beamgateCli('hold', 'night');
    const kernel = await lab.open('held.ipynb');
    running.add(kernel.id);
    const sent = cell(kernel, 'import os; print("ran", repr(os.environ["CUDA_VISIBLE_DEVICES"]))');
    await sent.until(({ shown }) => /held by an admin/.test(shown.join()));
    const text = await saidOf(kernel.id, /^Queued: position \d of 2\. Its queue is held by an admin/);
    expect(text).toMatch(/Opening queue night would start it\./);
    expect(sent.shown.join('').replaceAll('.\n', '. ')).toContain(text);
    beamgateCli('release', 'night');
    // It asked for none, so it sees none.
    await sent.until(({ text }) => text.includes("ran ''"));
    await kernel.shutdown();
  });

  it('refuses what is new to a queue that is drained, and ends nothing', async () => {
    beamgateCli('drain', 'night');
    expect(() => start('--queue', 'night')).toThrow(/The queue night takes nothing new/);
    expect((await getKernel(beamgate, borrowed)).phase).toBe('queued');
    await saidOf(borrowed, /^Queued: position 1 of 1\./);
    beamgateCli('open', 'night');
    expect(() => start('--queue', 'nowhere')).toThrow(/There is no queue nowhere/);
  });

  it('lets one wait who has as much as one may have', async () => {
    const three = [start('--queue', 'users'), start('--queue', 'users'), start('--queue', 'users')];
    // With the one that has a GPU already.
    const id = three.at(-1) ?? '';
    for (const other of three) running.add(other);
    expect(await saidOf(id, /as many kernels as one user/)).toMatch(
      /shut one down to start this one\..* would start it\./s,
    );
    expect(beamgateCli('queue', '-q', 'users')).toMatch(/user-cap/);
    beamgateCli('scancel', three[0] ?? '');
    await ready(id);
  });

  it('holds an instrument to its cap, whoever its users are, and says which it is', async () => {
    const member = async (user: string, group: string) =>
      as(beamgate, (await createToken(beamgate, { user, groups: [group] })).token);
    const [dora, emil, fay] = [
      await member('dora', 'b7-team'),
      await member('emil', 'b7-team'),
      await member('fay', 'b3-team'),
    ];
    const first = await createKernel(dora, { queue: 'beamline' });
    expect(first['instrument']).toBe('B7');
    await ready(first.id);
    // Named, as an unnamed one would be: what its token does not grant is refused.
    await expect(createKernel(emil, { queue: 'beamline', instrument: 'B3' })).rejects.toThrow(
      /403 .*B3 is not an instrument of emil; those are B7\./,
    );
    const { id } = await createKernel(emil, { queue: 'beamline', instrument: 'B7' });
    expect(await saidOf(id, /cap|as many kernels/, emil)).toMatch(
      /^Queued: position 1 of 1\. Your instrument B7 has as many kernels as one instrument may have at once \(1\);/,
    );
    expect((await getKernel(emil, id)).wait).toMatchObject({ reason: 'user-cap' });
    expect(beamgateCli('queue', '-q', 'beamline')).toMatch(/emil .*user-cap/);
    await ready((await createKernel(fay, { queue: 'beamline' })).id);
    expect((await getKernel(emil, id)).phase).toBe('queued');
    await endKernel(dora, first.id);
    await ready(id);
  });

  it('clears for a reservation that begins, whoever is idle there first', async () => {
    const idle = start('--queue', 'night', '--profile', 't4');
    expect((await ready(idle)).place).toMatchObject({ flavor: 't4' });
    const from = new Date(Date.now() + 2_000).toISOString();
    const to = new Date(Date.now() + 3_600_000).toISOString();
    const amounts = JSON.stringify({ t4: { gpuMilli: 1_000 } });
    beamgateCli(
      'reservation',
      'add',
      'beamtime',
      '--start',
      from,
      '--end',
      to,
      '--queue',
      'beamline',
      '--amounts',
      amounts,
    );
    const { endReason, detail } = await inPhase(beamgate, idle, 'ended');
    expect([endReason, detail]).toEqual(['reservation', 'Its place is reserved for somebody else from now on.']);
    const other = start('--queue', 'night', '--profile', 't4');
    running.add(other);
    expect(await saidOf(other, /reserved/)).toMatch(/What is free of t4 is reserved until/);
    expect(beamgateCli('reservation', 'ls')).toMatch(/beamtime/);
    expect(beamgateCli('reservation', 'rm', 'beamtime')).toMatch(/applied/);
    await ready(other);
  });

  it('is the same after the service was killed: places, positions and configuration', async () => {
    const state = () =>
      v1<{ workloads: { id: string; node: string | null; wait: { position: number } | null }[] }>(
        beamgate,
        '/v1/admin/state',
      );
    const told = ({ workloads }: Awaited<ReturnType<typeof state>>) =>
      workloads.map(({ id, node, wait }) => [id, node, wait?.position ?? null]).sort();
    const before = told(await state());
    expect(before.some(([, node]) => node !== null)).toBe(true);
    await beamgate.kill();
    await beamgate.startAgain();
    expect(told(await state())).toEqual(before);
  });
});

it('keeps spares where there is room for them, and gives them to who comes', async () => {
  const path = join(beamgate.data, 'logs/beamgate.log');
  const from = readFileSync(path, 'utf8').length;
  const logged = (what: string): Promise<true> =>
    eventually(what, async () => readFileSync(path, 'utf8').slice(from).includes(what) || undefined, 30);
  expect(() => beamgateCli('pool', 'set', 'python3', 'cpu', '--profile', 'tiny')).toThrow(/there is no profile tiny/);
  expect(beamgateCli('pool', 'set', 'python3', 'cpu', '--min', '2', '--max', '2')).toMatch(/applied as version/);
  expect(beamgateCli('pool', 'ls')).toMatch(/python3 +cpu +- +2 +2\n/);
  await logged('"ready":2,"msg":"warm kernel ready"');
  const id = start('--queue', 'night');
  await inPhase(beamgate, id, 'ready');
  await logged(`"kernelId":"${id}","owner":"${(await getKernel(beamgate, id)).owner}","msg":"claiming a warm kernel"`);
  await endKernel(beamgate, id);
  expect(beamgateCli('pool', 'rm', 'python3', 'cpu')).toMatch(/applied as version/);
  await logged('"kernelspec":"python3","floor":0,"ceiling":0,"msg":"spares are kept"');
});

it('says of a kernel that has its place that it is starting, since when, and where a spare is kept', async () => {
  const cold = await createKernel(beamgate, { kernelspec: 'gated', queue: 'night' });
  expect(await whySoon(cold.id, /is starting/)).toMatch(
    /^The kernel has its place on [a-z]+-\d and is starting, for [\d.]+ s now\. When it is ready is unknown: too few like it/,
  );
  const { wait, ...shown } = await getKernel(beamgate, cold.id);
  const since = Date.parse(String(shown['admittedAt']));
  expect(wait).toMatchObject({ reason: 'launching', since, expectedStart: null });
  // Its spare does not come up either: nobody waits for it.
  beamgateCli('pool', 'set', 'gated', 'cpu', '--min', '1', '--max', '1');
  const warm = await createKernel(beamgate, { kernelspec: 'gated', queue: 'night' });
  expect(await whySoon(warm.id, /is starting/)).toMatch(
    /on cpu-1 and is starting, .* A warm kernel is kept for it there/,
  );
  expect((await getKernel(beamgate, warm.id)).wait).toMatchObject({ reason: 'warm-starting' });
  const server = scope.use(await NotebookServer.start({ gateway: beamgate, env: { KERNEL_QUEUE: 'night' } }), (one) =>
    one.stop(),
  );
  const lab = scope.use(new Lab(server), (one) => one.dispose());
  const kernel = await lab.open('starting.ipynb', 'gated');
  const sent = cell(kernel, 'anything');
  await sent.until(({ shown: told }) => /has its place on cpu-1 and is starting/.test(told.join()));
  openGate(specs);
  for (const id of [cold.id, warm.id, kernel.id]) {
    await inPhase(beamgate, id, 'ready');
    expect((await getKernel(beamgate, id)).wait).toBeNull();
    await endKernel(beamgate, id);
  }
  beamgateCli('pool', 'rm', 'gated', 'cpu');
}, 120_000);
