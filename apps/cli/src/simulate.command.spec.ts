import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SchedulingConfig } from '#libs/contracts';
import { coreConfigOf, fullCore } from '#libs/scheduling';
import { simulateOpenb } from './simulate/simulate-openb.js';
import { simulateSwf } from './simulate/simulate-swf.js';
import { simulateCommand } from './simulate.command.js';

/** Submit, run, allocated, requested and estimate of a job; a machine of 4. */
const job = ([submit, run, size, estimate]: readonly number[], index: number): string =>
  [index + 1, submit, -1, run, size, -1, -1, size, estimate, ...Array<number>(9).fill(-1)].join(' ');
// The first holds 3 until 10; the second wants all 4; the third passes it under EASY; the last two differ in length only.
const jobs = [
  [0, 10, 3, 10],
  [1, 10, 4, 10],
  [2, 6, 1, 6],
  [2, 5, 1, 5],
];
const swf = `; MaxProcs: 4\n${jobs.map(job).join('\n')}\n`;
const nodes = 'sn,cpu_milli,memory_mib,gpu,model\na,4000,8,1,T4\nb,9000,8,1,T4\n';
const tasks = ['name,cpu_milli,memory_mib,num_gpu,gpu_milli', 'small,1000,1,1,400', 'large,1000,1,1,1000', ''].join(
  '\n',
);

describe('beamgate simulate', () => {
  let folder = '';
  const file = (name: string): string => join(folder, name);
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'simulate-'));
    writeFileSync(file('a.swf'), swf);
    writeFileSync(file('a.swf.gz'), gzipSync(swf));
    writeFileSync(file('nodes.csv'), nodes);
    writeFileSync(file('tasks.csv.gz'), gzipSync(tasks));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function run(...options: string[]): Promise<string> {
    let printed = '';
    const command = simulateCommand((text) => {
      printed += text;
    });
    await command.parseAsync(options, { from: 'user' });
    return printed;
  }
  const json = async (...options: string[]) => JSON.parse(await run(...options, '--json'));
  const placed = async (...options: string[]) =>
    json('--trace', file('tasks.csv.gz'), '--nodes', file('nodes.csv'), ...options);
  const faultOf = (...options: string[]): Promise<string> =>
    run(...options).then(
      () => 'none',
      (error: Error) => error.message,
    );

  it.each([
    ['fcfs', [0, 10, 20, 20]],
    ['easy', [0, 10, 2, 20]],
    ['sjbf', [0, 10, 20, 2]],
  ])('replays jobs under %s', async (policy, starts) => {
    for (const trace of ['a.swf', 'a.swf.gz']) {
      const told = await json('--trace', file(trace), '--policy', policy);
      expect(told.starts).toEqual(starts.map((start) => start * 1_000));
      expect(told.metrics).toMatchObject({
        jobs: 4,
        dropped: 0,
        sumOfStartsMs: starts.reduce((sum, start) => sum + start * 1_000, 0),
      });
    }
  });

  it('prints the metrics, one a line', async () => {
    const text = await run('--trace', file('a.swf'), '--policy', 'fcfs');
    // (10 + 19 + 24 + 23) / 10 of runs that count as 10 s at least.
    expect(text).toContain('meanBoundedSlowdown  1.9\n');
    expect(text).toMatch(/^jobs +4$/m);
    expect(text).toMatch(/^makespanMs +26000$/m);
  });

  it('takes the size of the machine and a factor', async () => {
    const told = await json('--trace', file('a.swf'), '--policy', 'fcfs', '--processors', '3', '--factor', '2');
    expect(told.metrics).toMatchObject({ jobs: 3, dropped: 1 });
    expect(told.starts).toEqual([0, 10_000, 10_000]);
    expect(told.parameters).toMatchObject({ processors: 3, factor: 2 });
  });

  it('keeps, by its own policy, to the limits of the configuration', async () => {
    writeFileSync(file('patient.yaml'), 'policies:\n  backfillDepth: 3\n');
    writeFileSync(file('strict.yaml'), 'classes:\n  - { name: batch, rank: 500, maxWaitSeconds: 1 }\n');
    // While the second is young, the shorter third may delay it.
    const long = [
      [0, 10, 3, 10],
      [1, 40, 4, 40],
      [2, 20, 1, 20],
    ];
    writeFileSync(file('long.swf'), long.map(job).join('\n'));
    const under = (config: string) => json('--trace', file('long.swf'), '--processors', '4', '--config', file(config));
    const [patient, strict] = [await under('patient.yaml'), await under('strict.yaml')];
    expect(patient.parameters).toMatchObject({ 'backfill depth': 3, 'max wait, s': 86_400, class: 'batch' });
    expect(strict.parameters).toMatchObject({ 'backfill depth': 1, 'max wait, s': 1 });
    expect(patient.starts).toEqual([0, 22_000, 2_000]);
    expect(strict.starts).toEqual([0, 10_000, 50_000]);
  });

  it.each(['best-fit', 'fgd', 'beamgate'])('places tasks under %s', async (policy) => {
    writeFileSync(file('order.json'), '[[1,1], [0,1,1,0]]');
    const told = await placed('--policy', policy, '--arrivals', file('order.json'), '--arrivals-row', '1');
    expect(told.metrics).toMatchObject({ arrivals: 4, capacityMilli: 2_000, allocatedMilli: 1_800, failed: 1 });
    expect(told.placements.map((one: { task: string }) => one.task)).toEqual(['small', 'large', 'large', 'small']);
    expect(told.placements[2].placement).toBe(null);
    expect(told.placements[3].placement.node).toBe(told.placements[0].placement.node);
  });

  it('draws the order of arrival by a seed', async () => {
    const orders = await Promise.all(['1', '1', '2', '3', '4'].map((seed) => placed('--seed', seed)));
    const texts = orders.map(({ placements }) => JSON.stringify(placements));
    expect(texts[0]).toBe(texts[1]);
    expect(new Set(texts).size).toBeGreaterThan(1);
  });

  it('shows what was used, and what was idle while jobs waited', () => {
    const config = SchedulingConfig.parse({});
    const trace = file('a.swf');
    const { report } = simulateSwf({ trace, policy: 'fcfs', config, class: 'batch', factor: 1 });
    const seconds = (levels: readonly { at: number; amount: number }[] = []) =>
      levels.map(({ at, amount }) => [at / 1_000, amount]);
    expect(seconds(report.allocated)).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
      [10, 4],
      [20, 2],
      [25, 1],
      [26, 0],
    ]);
    expect(seconds(report.unallocated['jobs wait'])).toEqual([
      [0, 0],
      [1, 1],
      [2, 1],
      [10, 0],
      [20, 0],
      [25, 0],
      [26, 0],
    ]);
    expect(seconds(report.unallocated['nobody waits']).map(([, amount]) => amount)).toEqual([1, 0, 0, 0, 2, 3, 4]);
    expect(report.waits).toEqual({ all: [0, 9_000, 18_000, 18_000] });
  });

  it('shows what was allocated after each arrival', () => {
    writeFileSync(file('one.json'), '[0,1,1,0]');
    const { report } = simulateOpenb({
      ...{ trace: file('tasks.csv.gz'), nodes: file('nodes.csv'), policy: 'fgd', seed: 1 },
      ...{ arrivals: file('one.json'), arrivalsRow: 0 },
    });
    expect(report.allocated.map(({ amount }) => amount)).toEqual([400, 1_400, 1_400, 1_800]);
    expect(report.unallocated['free']?.map(({ amount }) => amount)).toEqual([1_600, 600, 600, 200]);
  });

  it('writes a page', async () => {
    await run('--trace', file('a.swf'), '--policy', 'easy', '--html', file('swf.html'));
    const page = readFileSync(file('swf.html'), 'utf8');
    expect(page).toContain('a.swf under easy');
    expect(page).toContain('<h3>all</h3>');
    expect(page).toContain('jobs wait');
    await placed('--html', file('openb.html'));
    expect(readFileSync(file('openb.html'), 'utf8')).toContain('one arrival a second');
  });

  it('names the file and the line of what it can not read', async () => {
    writeFileSync(file('bad.swf'), `${swf}5 now -1\n`);
    expect(await faultOf('--trace', file('bad.swf'))).toBe(`${file('bad.swf')}: line 6 is no job: 5 now -1`);
    writeFileSync(file('bad.csv'), `${tasks}\nx,-1,1,1,400\n`);
    const bad = ['--trace', file('bad.csv'), '--nodes', file('nodes.csv')];
    expect(await faultOf(...bad)).toBe(`${file('bad.csv')}: line 5: cpu_milli is no number in: x,-1,1,1,400`);
    writeFileSync(file('share.csv'), `${tasks}x,1,1,2,400\n`);
    expect(await faultOf('--trace', file('share.csv'), ...bad.slice(2))).toMatch(/share\.csv: .*"name":"x"/);
    expect(await faultOf('--trace', file('none.swf'))).toBe(`${file('none.swf')}: there is no such file`);
    writeFileSync(file('not.swf.gz'), swf);
    expect(await faultOf('--trace', file('not.swf.gz'))).toMatch(/not\.swf\.gz: can't be unpacked/);
    writeFileSync(file('silent.swf'), swf.split('\n').slice(1).join('\n'));
    expect(await faultOf('--trace', file('silent.swf'))).toMatch(/silent\.swf: .*--processors/);
    writeFileSync(file('order.json'), '[0,2]');
    expect(await faultOf(...['--trace', file('tasks.csv.gz')], ...bad.slice(2), '--arrivals', file('order.json'))).toBe(
      `${file('order.json')}: 2 is the index of none of 2 tasks`,
    );
  });

  it('names the file, the line and the setting of each fault of a configuration', async () => {
    const text = ['queues:', '  - name: a', '    cohort: x', '  - name: b', '    quota:', '      t4: {}', ''].join(
      '\n',
    );
    writeFileSync(file('q.yaml'), text);
    expect(await faultOf('--trace', file('a.swf'), '--config', file('q.yaml'))).toBe(
      [
        `${file('q.yaml')}:3: queues.a.cohort: there is no cohort x`,
        `${file('q.yaml')}:6: queues.b.quota.t4: there is no flavor t4`,
      ].join('\n'),
    );
    writeFileSync(file('q.yaml'), 'queues:\n  - name: a\n    colour: red\n');
    expect(await faultOf('--trace', file('a.swf'), '--config', file('q.yaml'))).toBe(
      `${file('q.yaml')}:3: queues.a.colour: there is no such setting`,
    );
    writeFileSync(file('q.yaml'), 'queues:\n  - name: a\n  - weight: 2\n');
    expect(await faultOf('--trace', file('a.swf'), '--config', file('q.yaml'))).toMatch(/q\.yaml:3: queues\.1\.name: /);
    writeFileSync(file('q.yaml'), 'pools: []\npools: []\n');
    expect(await faultOf('--trace', file('a.swf'), '--config', file('q.yaml'))).toMatch(
      /q\.yaml:2: Map keys must be unique/,
    );
  });

  it('names the policies, classes and files that there are', async () => {
    expect(await faultOf('--trace', file('a.swf'), '--policy', 'fgd')).toContain('fcfs, easy, sjbf, beamgate');
    expect(await faultOf('--trace', file('a.swf'), '--class', 'x')).toContain('live, interactive, batch, scavenge');
    expect(await faultOf('--trace', file('tasks.csv.gz'))).toBe('Tasks of openb need --nodes');
    expect(await faultOf('--trace', file('q.yaml'))).toBe(
      `${file('q.yaml')}: is neither .swf, .csv, .ndjson nor .jsonl`,
    );
  });

  it('replays a day of a service, as it was or under another configuration', async () => {
    const open = (queues: object[]) =>
      SchedulingConfig.parse({ flavors: [{ name: 'a100', kind: 'gpu', model: 'A100' }], queues });
    const config = open([{ name: 'all', quota: { a100: {} } }]);
    const workload = {
      ...{ queue: 'all', user: 'ada', project: null, instrument: null, class: 'batch', offset: 0, flavors: ['a100'] },
      ...{ request: { cpuMilli: 1, memoryBytes: 0, gpuCount: 1, gpuMilli: 1_000 }, environment: null, wallMs: null },
      ...{ submittedAt: 0, evictions: 0 },
    };
    const gpu = { model: 'A100', devices: ['whole', 'whole'] };
    const step = (at: number, events: object[], origin: object | null = null) =>
      JSON.stringify({ kind: 'step', seq: at, epoch: 1, at, origin, events });
    const state = fullCore.snapshot(new fullCore.State(coreConfigOf(config), 0));
    const submitted = ['a', 'b'].map((id) => ({ kind: 'submitted', workload: { ...workload, id } }));
    const added = { kind: 'node-added', flavor: 'a100', node: { id: 'n', cpuMilli: 9, memoryBytes: 0, gpu } };
    const lines = [
      JSON.stringify({ kind: 'log', format: 1, from: null, to: null }),
      step(1_000, [added, ...submitted], { version: 1, config, state }),
      step(5_000, [{ kind: 'released', id: 'a' }]),
      step(9_000, [{ kind: 'released', id: 'b' }]),
    ];
    writeFileSync(file('day.ndjson.gz'), gzipSync(lines.join('\n')));
    const was = await json('--trace', file('day.ndjson.gz'));
    expect(was.starts.map(({ at, devices }: { at: number; devices: number[] }) => [at, devices])).toEqual([
      [1_000, [0]],
      [1_000, [1]],
    ]);
    expect(was.metrics).toMatchObject({ 'batch starts': 2, 'GPU allocated, %': 75, 'GPU free, nobody asks, %': 25 });
    expect(was.parameters).toMatchObject({ configuration: 'as it was', from: '1970-01-01T00:00:01.000Z' });
    writeFileSync(
      file('capped.yaml'),
      [
        'flavors: [{ name: a100, kind: gpu, model: A100 }]',
        'queues: [{ name: all, quota: { a100: {} }, caps: { perUser: { workloads: 1 } } }]',
      ].join('\n'),
    );
    const capped = ['--trace', file('day.ndjson.gz'), '--config', file('capped.yaml')];
    const would = await json(...capped, '--html', file('day.html'));
    expect(would.starts.map(({ id, at, waitMs }: Record<string, unknown>) => [id, at, waitMs])).toEqual([
      // In the first step of a log one may have waited before.
      ['a', 1_000, 1_000],
      ['b', 5_000, 5_000],
    ]);
    expect(readFileSync(file('day.html'), 'utf8')).toContain(`under ${file('capped.yaml')}`);
    writeFileSync(file('empty.yaml'), '');
    expect(await faultOf(...capped.slice(0, 3), file('empty.yaml'))).toBe(
      `${file('empty.yaml')}: a day needs a flavor and a queue`,
    );
    writeFileSync(file('cut.ndjson'), [lines[0], lines[2]].join('\n'));
    expect(await faultOf('--trace', file('cut.ndjson'))).toBe(
      `${file('cut.ndjson')}: line 2: origin: the first step needs one`,
    );
  });

  it('replays a day of ours, and names the line that is none', async () => {
    const request = { gpuMilli: 1_000, cpuMilli: 1_000, memoryBytes: 0 };
    const one = { kind: 'beamline', at: 0, id: 'a', user: 'b', request, runMs: 60_000, wallLimitMs: 60_000 };
    writeFileSync(file('day.jsonl'), `${JSON.stringify(one)}\n${JSON.stringify({ ...one, id: 'c' })}\n`);
    writeFileSync(
      file('day.yaml'),
      'flavors: [{ name: a100, kind: gpu, model: A100 }]\nqueues: [{ name: live, quota: { a100: {} } }]\n',
    );
    const day = ['--trace', file('day.jsonl'), '--config', file('day.yaml'), '--gpus', '1'];
    const { metrics, starts } = await json(...day, '--html', file('jsonl.html'));
    expect(starts).toMatchObject([
      { id: 'a', at: 0, waitMs: 0, flavor: 'a100', node: 'node-0', devices: [0] },
      { id: 'c', at: 60_000, waitMs: 60_000 },
    ]);
    const page = readFileSync(file('jsonl.html'), 'utf8');
    for (const text of ['Allocated of GPUs', 'kept for the next in line', '<h3>live</h3>', '18 h'])
      expect(page).toContain(text);
    // Two minutes of a day.
    expect(metrics['GPU allocated, %']).toBeCloseTo(100 / 720);
    expect(metrics).toMatchObject({ 'live starts': 2, 'live wait p50, s': 0, 'live longest wait, s': 60 });
    writeFileSync(file('broken.jsonl'), `${JSON.stringify(one)}\n{}\n`);
    expect(await faultOf('--trace', file('broken.jsonl'), '--config', file('day.yaml'))).toMatch(
      /line 2 is no session/,
    );
  });
});
