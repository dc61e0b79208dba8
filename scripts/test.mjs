#!/usr/bin/env node
/**
 * `npm test`: sets up what the tests need and runs every suite; `npm test -- unit agent` runs some. Ends with one
 * summary over jest and pytest, also in `test-results/summary.json`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, install, root, serviceNode } from './build.mjs';
import { clusterParts } from './cluster-parts.mjs';
import { testParts } from './test-parts.mjs';

const results = join(root, 'test-results');
const log = (line) => process.stderr.write(`${line}\n`);
/** A suite takes some minutes; what never ends must fail by its name, not use up the time of all others. */
const MOST_MINUTES = 30;
const resultFile = (name, kind) => join(results, `${name}.${kind}`);

/** Runs a command to its end; its output is kept and shown in one piece, since suites run beside each other. */
function finished(name, command, args, cwd = root) {
  const since = Date.now();
  log(`${name} …`);
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => keep(`${error.message}\n`));
    const limit = setTimeout(() => {
      keep(`Not over after ${MOST_MINUTES} minutes\n`);
      child.kill('SIGKILL');
      // What it started may hold on to them.
      child.stdout.destroy();
      child.stderr.destroy();
    }, MOST_MINUTES * 60_000);
    child.on('close', (code) => {
      clearTimeout(limit);
      log(`${output.trimEnd()}\n${name}: ${code === 0 ? 'passed' : 'FAILED'} (${seconds(since)} s)\n`);
      resolve({ ok: code === 0, seconds: seconds(since) });
    });
  });
}

const seconds = (since) => Math.round((Date.now() - since) / 100) / 10;

/** Counts of a run that wrote none, because it ended before: one failure. */
const counted = (name, run, counts) => {
  const known = counts ?? { passed: 0, failed: 0, skipped: 0 };
  return { name, ...known, failed: known.failed || (run.ok ? 0 : 1), seconds: run.seconds };
};

async function jest(name, project, args = []) {
  const file = resultFile(name, 'json');
  rmSync(file, { force: true });
  const flags = ['--selectProjects', project, '--silent', '--forceExit', '--json', `--outputFile=${file}`, ...args];
  const vm = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
  const run = await finished(name, serviceNode(), [...vm, ...flags]);
  if (!existsSync(file)) return counted(name, run);
  const report = JSON.parse(readFileSync(file, 'utf8'));
  return counted(name, run, {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  });
}

async function pytest(name, venv, folder) {
  const file = resultFile(name, 'xml');
  rmSync(file, { force: true });
  const args = ['-m', 'pytest', '-p', 'no:cacheprovider', `--junitxml=${file}`];
  const run = await finished(name, join(venv, 'bin', 'python'), args, join(root, folder));
  if (!existsSync(file)) return counted(name, run);
  const [head] = /<testsuite [^>]*>/.exec(readFileSync(file, 'utf8')) ?? [''];
  const count = (attribute) => Number(new RegExp(`\\b${attribute}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = count('failures') + count('errors');
  const skipped = count('skipped');
  return counted(name, run, { passed: count('tests') - failed - skipped, failed, skipped });
}

const LONG = 'test/conformance/section-1';
const inBand = (name) => () => jest(name, name, ['--runInBand']);

/** A machine that can't have a cluster fails the suite with the line that says why. */
async function inCluster(made) {
  const since = Date.now();
  try {
    await made;
  } catch (error) {
    log(`cluster: FAILED: ${error.message}`);
    return counted('cluster', { ok: false, seconds: seconds(since) });
  }
  return jest('cluster', 'cluster', ['--runInBand']);
}

/** Suites that take turns; the lanes run beside each other. The long waits of section 1 cost no processor time. */
const lanes = (parts, cluster) => [
  { 'conformance-waits': () => jest('conformance-waits', 'conformance', ['--runInBand', LONG]) },
  {
    agent: () => pytest('agent', parts.agent, 'agent'),
    'add-on': () => pytest('add-on', parts.jupyter, 'clients/jupyter-server'),
    conformance: () => jest('conformance', 'conformance', ['--runInBand', `--testPathIgnorePatterns=${LONG}`]),
    e2e: inBand('e2e'),
    chaos: inBand('chaos'),
    security: inBand('security'),
    cluster: () => inCluster(cluster),
    scheduling: inBand('scheduling'),
  },
];

function summarise(suites) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of suites) for (const key of Object.keys(total)) total[key] += suite[key];
  writeFileSync(join(results, 'summary.json'), `${JSON.stringify({ ...total, suites }, null, 2)}\n`);
  const line = ({ name, passed, failed, skipped, seconds: took }) =>
    `${name.padEnd(20)}${`${passed}`.padStart(6)} passed${`${failed}`.padStart(5)} failed${`${skipped}`.padStart(5)} skipped` +
    `${took === undefined ? '' : `${took.toFixed(1)} s`.padStart(10)}`;
  process.stdout.write(`\n${[...suites, { name: 'total', ...total }].map(line).join('\n')}\n`);
  return total.failed === 0 && total.passed > 0;
}

try {
  mkdirSync(results, { recursive: true });
  rmSync(join(results, 'summary.json'), { force: true });
  const wanted = process.argv.slice(2);
  const isWanted = (name) => wanted.length === 0 || wanted.includes(name);
  await install({ dev: true, log });
  // Fetching the parts is mostly waiting, and the unit specs need none of them.
  const settingUp = testParts({ log });
  settingUp.catch(() => {});
  await build({ log });
  const suites = isWanted('unit') ? [await jest('unit', 'unit', ['--maxWorkers=100%'])] : [];
  const parts = await settingUp;
  // The first build takes minutes; it runs at the lowest priority beside what comes before its suite.
  const cluster = isWanted('cluster') ? clusterParts({ log }) : undefined;
  cluster?.catch(() => {});
  const running = lanes(parts, cluster).map(async (lane) => {
    for (const [name, run] of Object.entries(lane)) if (isWanted(name)) suites.push(await run());
  });
  await Promise.all(running);
  process.exit(summarise(suites) ? 0 : 1);
} catch (error) {
  log(error.message);
  process.exit(1);
}
