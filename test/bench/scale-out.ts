/** `npm run bench:scale-out`: figures of the services on real parts. Sizes and parts are below; `scale-out/` measures. */
import 'reflect-metadata';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../support/parts.js';
import { machine, Results } from './results.js';
import { cost } from './scale-out/cost.js';
import { failover } from './scale-out/failover.js';
import { informers } from './scale-out/informers.js';
import { kernels } from './scale-out/kernels.js';
import { leak } from './scale-out/leak.js';
import { messages } from './scale-out/messages.js';
import { PREFACE, page } from './scale-out/page.js';
import type { Asked, Part } from './scale-out/part.js';
import { podStarts } from './scale-out/pod-starts.js';
import { requests } from './scale-out/requests.js';
import { returns } from './scale-out/returns.js';
import { submissions } from './scale-out/submissions.js';

const { values: options } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    only: { type: 'string' },
    repeats: { type: 'string', default: '1' },
    publish: { type: 'boolean', default: false },
    out: { type: 'string', default: join(root, 'test-results', 'bench-scale-out.json') },
  },
});

const sized = <S extends object>(size: S, brief: S, make: (size: S) => Part, inSmoke = true) => ({
  size,
  brief,
  make,
  inSmoke,
});

/** Sizes as they are asked for, and brief ones. The last of them need a cluster, or minutes: `--smoke` leaves them out. */
const PARTS = {
  kernels: sized(
    { steps: [100, 500, 1_000], quietSeconds: 30, settleSeconds: 5 },
    { steps: [2, 6], quietSeconds: 1, settleSeconds: 0 },
    kernels,
  ),
  messages: sized({ each: 20_000, rounds: 5 }, { each: 500, rounds: 1 }, messages),
  failover: sized({ waiting: 50, kills: 10 }, { waiting: 5, kills: 1 }, failover),
  submissions: sized({ perSecond: 1_200, seconds: 20 }, { perSecond: 200, seconds: 2 }, submissions),
  cost: sized({ quietSeconds: 30 }, { quietSeconds: 2 }, cost, false),
  returns: sized({ kernels: 500 }, { kernels: 5 }, returns, false),
  leak: sized({ kernels: 100, rounds: 6 }, { kernels: 4, rounds: 2 }, leak, false),
  informers: sized(
    { nodes: 5_000, pods: 20_000, changingSeconds: 20 },
    { nodes: 50, pods: 600, changingSeconds: 1 },
    informers,
    false,
  ),
  requests: sized({}, {}, requests, false),
  'pod-starts': sized(
    { pool: 40, cold: 20, before: 200, rounds: 2 },
    { pool: 2, cold: 2, before: 2, rounds: 1 },
    podStarts,
    false,
  ),
};

const log = (line: string) => process.stderr.write(`${line}\n`);
const chosen = options.only?.split(',') ?? Object.keys(PARTS).filter((name) => !options.smoke || partOf(name).inSmoke);

function partOf(name: string) {
  if (!(name in PARTS)) throw new Error(`--only ${name}: there are ${Object.keys(PARTS).join(', ')}`);
  return PARTS[name as keyof typeof PARTS] as ReturnType<typeof sized>;
}

for (const name of chosen) partOf(name);

const repeats = options.smoke ? 1 : Number(options.repeats);
const asked = new Map<string, Asked>();
const measured = new Map<string, { size: object; results: Results }>();
const began = Date.now();
for (let repeat = 1; repeat <= repeats; repeat += 1) {
  for (const name of chosen) {
    const { size, brief, make } = partOf(name);
    const used = options.smoke ? brief : size;
    const { results } = measured.get(name) ?? { results: new Results() };
    measured.set(name, { size: used, results });
    log(`${name}, ${repeat} of ${repeats}`);
    await make(used)(
      (figure, unit, value, of) => {
        results.add(figure, unit, '', value);
        if (of) asked.set(`${name}: ${figure}`, of);
      },
      (line) => log(`  ${line}`),
    );
  }
}

const parts = new Map([...measured].map(([name, { size, results }]) => [name, { size, figures: results.figures() }]));
const report = {
  takenAt: new Date(began).toISOString(),
  machine: machine(),
  repeats,
  parts: Object.fromEntries(parts),
};
mkdirSync(join(options.out, '..'), { recursive: true });
writeFileSync(options.out, `${JSON.stringify(report, null, 2)}\n`);
const text = page(report.machine, parts, asked, repeats);
if (options.publish) writeFileSync(join(root, 'docs/reference/bench-scale-out.md'), `${PREFACE}\n${text}`);
process.stdout.write(`${text}\nTook ${Math.round((Date.now() - began) / 1000)} s; also in ${options.out}\n`);
process.exit(0);
