import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Gateway, remove } from '../support/gateway.js';
import { root } from '../support/parts.js';
import { backAfterKill } from './back.js';
import { idle } from './idle.js';
import { killInMidCell } from './kill.js';
import { memory } from './memory.js';
import { markdown, PREFACE } from './report.js';
import { machine, Results } from './results.js';
import { roundTripsDirect, roundTripsThrough } from './round-trip.js';
import { startsAtOnce, startsInTurn } from './start.js';
import { median, quantile } from './statistics.js';
import { kernelspecs, type SubjectName, start } from './subjects.js';
import { type Flood, flood } from './throughput.js';
import { PooledBeamgate, startToImports } from './warm-start.js';

const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    repeats: { type: 'string' },
    subjects: { type: 'string', default: 'beamgate,peer,peer-no-delay' },
    only: { type: 'string', default: 'cold,warm,trip,flood,memory,kill,idle' },
    publish: { type: 'boolean', default: false },
    out: { type: 'string', default: join(root, 'test-results', 'bench.json') },
  },
});
const smoke = options.smoke;
const repeats = Number(options.repeats ?? (smoke ? 1 : 5));
const subjects = options.subjects.split(',') as SubjectName[];
const parts = new Set(options.only.split(','));
const size = smoke
  ? {
      starts: 1,
      pool: 2,
      atOnce: 2,
      trips: 50,
      kernelTrips: 10,
      messages: 2000,
      buffers: 5,
      kernels: 2,
      kills: 1,
      idleKernels: 4,
      quietSeconds: 5,
    }
  : {
      starts: 5,
      pool: 40,
      atOnce: 8,
      trips: 500,
      kernelTrips: 200,
      messages: 50_000,
      buffers: 100,
      kernels: 20,
      kills: 4,
      idleKernels: 100,
      quietSeconds: 60,
    };

const results = new Results();
const log = (line: string) => process.stderr.write(`${line}\n`);
const jupyterPath = kernelspecs();

/** One part on every subject in turn, so that what the machine does meanwhile falls on all of them. */
async function interleaved(what: string, measure: (gateway: Gateway, name: SubjectName) => Promise<void>) {
  for (const name of subjects) {
    const gateway = running.get(name);
    if (!gateway) continue;
    log(`  ${what}: ${name}`);
    await measure(gateway, name);
  }
}

async function coldStarts(): Promise<void> {
  await interleaved('cold starts', async (gateway, name) => {
    const inTurn = await startsInTurn(gateway, 'python3', size.starts);
    results.add('start of ipykernel, one after another', 'ms', name, median(inTurn.times));
    const bare = await startsInTurn(gateway, 'null', size.starts);
    results.add('start of a null kernel, one after another', 'ms', name, median(bare.times));
    const atOnce = await startsAtOnce(gateway, 'python3', size.atOnce);
    results.add(`start of ipykernel, ${size.atOnce} at once, median`, 'ms', name, median(atOnce.times));
    results.add(`start of ipykernel, ${size.atOnce} at once, last`, 'ms', name, Math.max(...atOnce.times));
    const all = 2 * size.starts + size.atOnce;
    results.add(`starts without an answer in 20 s, of ${all}`, 'kernels', name, inTurn.lost + bare.lost + atOnce.lost);
  });
}

async function roundTrips(): Promise<void> {
  for (const [kernel, count] of [
    ['null', size.trips],
    ['python3', size.kernelTrips],
  ] as const) {
    const title = `execute round trip, ${kernel === 'null' ? 'null kernel' : 'ipykernel'}`;
    const note = (name: string, times: number[]) => {
      results.add(`${title}, p50`, 'ms', name, quantile(times, 0.5));
      results.add(`${title}, p99`, 'ms', name, quantile(times, 0.99));
    };
    log(`  round trips, ${kernel}: direct`);
    const direct = await roundTripsDirect(kernel, count);
    note('direct', direct);
    await interleaved(`round trips, ${kernel}`, async (gateway, name) => {
      const times = await roundTripsThrough(gateway, kernel, count);
      note(name, times);
      results.add(`${title} beyond direct, p50`, 'ms', name, quantile(times, 0.5) - quantile(direct, 0.5));
    });
  }
}

async function floods(): Promise<void> {
  const streams = (framing: 'v1' | 'legacy'): Flood => ({
    what: 'stream',
    messages: size.messages,
    bytes: 1024,
    framing,
  });
  const buffers: Flood = { what: 'buffers', messages: size.buffers, bytes: 1_000_000, framing: 'v1' };
  for (const [title, wanted] of [
    ['1 KB messages by v1', streams('v1')],
    ['1 KB messages by the legacy framing', streams('legacy')],
    ['1 MB buffers by v1', buffers],
  ] as const) {
    await interleaved(title, async (gateway, name) => {
      const { messagesPerSecond, megabytesPerSecond, missing } = await flood(gateway, wanted);
      if (wanted.what === 'stream') results.add(title, 'messages/s', name, messagesPerSecond);
      else results.add(title, 'MB/s', name, megabytesPerSecond);
      results.add(`${title}, dropped of ${wanted.messages}`, 'messages', name, missing);
    });
  }
}

async function memories(): Promise<void> {
  for (const name of subjects.filter((subject) => subject !== 'peer-no-delay')) {
    log(`  memory: ${name}`);
    const { restBytes, kernelsBytes } = await memory(name, jupyterPath, size.kernels);
    results.add('service, PSS at rest', 'MB', name, restBytes / 1e6);
    results.add(`service, PSS with ${size.kernels} idle kernels`, 'MB', name, kernelsBytes / 1e6);
    results.add('service, PSS more per idle kernel', 'MB', name, (kernelsBytes - restBytes) / size.kernels / 1e6);
  }
}

/** The peer opens several ports and descriptors per kernel; it gets half as many. */
async function idles(): Promise<void> {
  for (const name of subjects.filter((subject) => subject !== 'peer-no-delay')) {
    const kernels = name === 'beamgate' ? size.idleKernels : size.idleKernels / 2;
    log(`  idle: ${name}`);
    const found = await idle(name, jupyterPath, kernels, size.quietSeconds);
    const title = `service, CPU with ${found.kernels} idle null kernels and sockets`;
    results.add(title, '% of a core', name, found.percent);
    results.add(`${title}, wake-ups`, '1/s', name, found.wakesPerSecond);
  }
}

async function kills(): Promise<void> {
  for (const name of subjects.filter((subject) => subject !== 'peer-no-delay')) {
    for (const client of name === 'beamgate' ? (['stock', 'numbered'] as const) : (['stock'] as const)) {
      log(`  kill -9 in mid-cell: ${name}, ${client} client`);
      const result = await killInMidCell(name, jupyterPath, size.kills, client);
      const title = `kill -9 in mid-cell, ${client} client,`;
      results.add(`${title} lines lost of ${result.lines}`, 'lines', name, result.linesLost);
      results.add(`${title} lines repeated of ${result.lines}`, 'lines', name, result.linesRepeated);
      results.add(`${title} lost replies of ${result.rounds}`, 'replies', name, result.repliesLost);
      results.add(`${title} lost kernels of ${result.rounds}`, 'kernels', name, result.kernelsLost);
    }
  }
}

async function back(): Promise<void> {
  const gateway = await start('beamgate', jupyterPath);
  try {
    log('  kill -9 and back: beamgate');
    const { fromStart, fromReady, wrong } = await backAfterKill(gateway, size.kills * 5);
    const title = 'kill -9 to output flows,';
    results.add(`${title} from the new service's start, p50`, 'ms', 'beamgate', quantile(fromStart, 0.5));
    results.add(`${title} from the new service's start, p95`, 'ms', 'beamgate', quantile(fromStart, 0.95));
    results.add(`${title} from its being ready, p95`, 'ms', 'beamgate', quantile(fromReady, 0.95));
    results.add(`${title} lines lost or doubled`, 'lines', 'beamgate', wrong);
  } finally {
    await gateway.stop();
  }
}

/** One pool after another, so that none takes another's processor time, and the peer beside the first. */
async function warmStarts(): Promise<void> {
  const title = 'start of ipykernel from a pool,';
  const many = await PooledBeamgate.start(jupyterPath, size.pool);
  try {
    results.add(
      'warm kernel with agent and its share of the template, PSS',
      'MB',
      'beamgate',
      many.bytesPerKernel / 1e6,
    );
    const inTurn = await many.inTurn();
    results.add(`${title} one after another, p50`, 'ms', 'beamgate', quantile(inTurn.times, 0.5));
    results.add(`${title} one after another, p99`, 'ms', 'beamgate', quantile(inTurn.times, 0.99));
    const atOnce = await many.atOnce();
    results.add(`${title} ${size.pool} at once, p95`, 'ms', 'beamgate', quantile(atOnce.times, 0.95));
    results.add(`${title} ${size.pool} at once, lost`, 'kernels', 'beamgate', atOnce.lost);
    results.add('start to imports done, from a pool, p50', 'ms', 'beamgate', quantile(await many.toImports(), 0.5));
  } finally {
    await many.gateway.stop();
  }
  const few = await PooledBeamgate.start(jupyterPath, size.atOnce);
  try {
    results.add(`${title} ${size.atOnce} at once, p95`, 'ms', 'beamgate', quantile((await few.atOnce()).times, 0.95));
  } finally {
    await few.gateway.stop();
  }
  const none = await PooledBeamgate.start(jupyterPath, 0);
  try {
    const { times } = await none.inTurn();
    results.add('start of ipykernel from the template, pool empty, p50', 'ms', 'beamgate', quantile(times, 0.5));
  } finally {
    await none.gateway.stop();
  }
  const bare = await PooledBeamgate.start(jupyterPath, size.atOnce, 'null');
  try {
    const { times } = await bare.inTurn();
    results.add('start of a null kernel from a pool, one after another, p50', 'ms', 'beamgate', quantile(times, 0.5));
  } finally {
    await bare.gateway.stop();
  }
  for (const name of ['peer', 'peer-no-delay'] as const) {
    const peer = running.get(name);
    if (!peer) continue;
    const inTurn = await startsInTurn(peer, 'python3', size.starts);
    results.add(`${title} one after another, p50`, 'ms', name, quantile(inTurn.times, 0.5));
    const bare = await startsInTurn(peer, 'null', size.starts);
    results.add('start of a null kernel from a pool, one after another, p50', 'ms', name, quantile(bare.times, 0.5));
    const atOnce = await startsAtOnce(peer, 'python3', size.atOnce);
    results.add(`${title} ${size.atOnce} at once, p95`, 'ms', name, quantile(atOnce.times, 0.95));
    const imports: number[] = [];
    for (let start = 0; start < size.starts; start += 1) imports.push(await startToImports(peer));
    results.add('start to imports done, from a pool, p50', 'ms', name, quantile(imports, 0.5));
  }
}

const running = new Map<SubjectName, Gateway>();
const began = Date.now();
try {
  // Each of these starts services of its own, so that nothing else is in their memory.
  for (let repeat = 1; repeat <= repeats; repeat += 1) {
    if (!parts.has('memory')) break;
    log(`memory, repeat ${repeat} of ${repeats}`);
    await memories();
  }
  for (const name of subjects) running.set(name, await start(name, jupyterPath));
  for (let repeat = 1; repeat <= repeats; repeat += 1) {
    log(`repeat ${repeat} of ${repeats}`);
    if (parts.has('cold')) await coldStarts();
    if (parts.has('warm')) await warmStarts();
    if (parts.has('trip')) await roundTrips();
    if (parts.has('flood')) await floods();
  }
} finally {
  for (const gateway of running.values()) await gateway.stop();
}
if (parts.has('kill')) {
  await kills();
  await back();
}
if (parts.has('idle')) await idles();
remove(jupyterPath);

const report = {
  takenAt: new Date(began).toISOString(),
  machine: machine(),
  repeats,
  size,
  figures: results.figures(),
};
mkdirSync(dirname(options.out), { recursive: true });
writeFileSync(options.out, `${JSON.stringify(report, null, 2)}\n`);
const page = markdown(report.machine, report.figures, repeats);
writeFileSync(options.out.replace(/\.json$/, '.md'), page);
if (options.publish) {
  const folder = join(root, 'test/bench/results');
  mkdirSync(folder, { recursive: true });
  copyFileSync(options.out, join(folder, `${report.takenAt.slice(0, 10)}.json`));
  writeFileSync(join(root, 'docs/reference/bench.md'), `${PREFACE}\n${page}`);
}
process.stdout.write(`${page}\nTook ${Math.round((Date.now() - began) / 1000)} s; also in ${options.out}\n`);
process.exit(0);
