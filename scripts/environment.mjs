#!/usr/bin/env node
/**
 * Makes the virtual environment of each folder under `environments/`. Runs before anything is installed: Node ≥ 20 and
 * builtins only. It lies in the cache at `environments/<name>-<hash of the lock>-py<version>-<arch>`; a `.ready` file
 * says that it is whole (it can't be renamed into place: its scripts hold its absolute path).
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPython } from './python.mjs';

const root = resolve(fileURLToPath(import.meta.url), '../..');

/** Where environments are kept; the same rule as the `cache` setting of the service. */
export const cacheRoot = (env = process.env) =>
  env.BEAMGATE_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'beamgate');

/** Folders of the curated environments in this repository. */
export const environmentFolders = (parent = join(root, 'environments')) =>
  readdirSync(parent)
    .map((name) => join(parent, name))
    .filter((folder) => existsSync(join(folder, 'environment.yaml')));

const lockHash = (folder) =>
  createHash('sha256')
    .update(readFileSync(join(folder, 'requirements.lock')))
    .digest('hex')
    .slice(0, 12);

/** `bin/python` is a link to the machine's interpreter: it dangles when that one was removed. */
const isReady = (directory) => existsSync(join(directory, '.ready')) && existsSync(join(directory, 'bin', 'python'));

/** Any made environment of this lock will do, whichever Python it was made with. */
function findReady(parent, prefix) {
  if (!existsSync(parent)) return undefined;
  return readdirSync(parent)
    .filter((name) => name.startsWith(`${prefix}-py`) && name.endsWith(`-${process.arch}`))
    .map((name) => join(parent, name))
    .find(isReady);
}

/**
 * Makes the environment described by `folder`, or finds it made.
 *
 * @param {string} folder one that holds environment.yaml and requirements.lock; its own name is the environment's
 * @param {{cache?: string, log?: (line: string) => void}} options `log` gets progress, one line at a time
 * @returns {Promise<{name: string, directory: string, python: string, made: boolean}>}
 * @throws Error that says what to install, where no Python ≥ 3.11 with venv is found, or pip's last lines
 */
export async function makeEnvironment(folder, { cache = cacheRoot(), log = () => {} } = {}) {
  const name = basename(folder);
  const parent = join(cache, 'environments');
  const prefix = `${name}-${lockHash(folder)}`;
  const found = (directory, made) => ({ name, directory, python: join(directory, 'bin', 'python'), made });
  const ready = findReady(parent, prefix);
  if (ready) {
    markUsed(ready);
    return found(ready, false);
  }
  const python = findPython();
  const directory = join(parent, `${prefix}-py${python.minor}-${process.arch}`);
  return alone(
    directory,
    () => log(`${name}: another process is making this environment; waiting …`),
    async () => {
      if (isReady(directory)) return found(directory, false);
      const since = Date.now();
      log(`${name}: making the environment with Python ${python.version} in ${directory} (a minute or two) …`);
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(parent, { recursive: true });
      await run(python.path, ['-m', 'venv', directory]);
      await install(name, folder, directory, log);
      log(`${name}: compiling …`);
      await run(
        join(directory, 'bin', 'python'),
        ['-m', 'compileall', '-q', '-j', '0', join(directory, 'lib')],
        [0, 1],
      );
      await run(join(directory, 'bin', 'python'), ['-c', 'import ipykernel.ipkernel']);
      writeFileSync(join(directory, '.ready'), `${python.version}\n`);
      log(`${name}: ready (${Math.round((Date.now() - since) / 1000)} s).`);
      pruneEnvironments(name, { cache, log });
      return found(directory, true);
    },
  );
}

/** Environments of one name that are kept at least: that of an update, and that before it. */
const KEPT = 2;

/** The time of `.ready` is that of the last use; one of another user says the time when it was made. */
function markUsed(directory) {
  try {
    utimesSync(join(directory, '.ready'), new Date(), new Date());
  } catch {
    // Not ours.
  }
}

/**
 * Removes the environments of a name that were made from older locks, but for the two that were used last and those
 * that a process of this machine runs on.
 *
 * @returns {string[]} the folders removed
 */
export function pruneEnvironments(name, { cache = cacheRoot(), log = () => {}, usedBy = mappedFiles } = {}) {
  const parent = join(cache, 'environments');
  const lastUse = (directory) => statSync(join(directory, '.ready')).mtimeMs;
  const old = readdirSync(parent)
    .filter((entry) => entry.startsWith(`${name}-`) && /^[0-9a-f]{12}-py[\d.]+-\w+$/.test(entry.slice(name.length + 1)))
    .map((entry) => join(parent, entry))
    .filter((directory) => existsSync(join(directory, '.ready')))
    .sort((one, other) => lastUse(other) - lastUse(one))
    .slice(KEPT);
  const used = old.length > 0 ? usedBy() : '';
  const unused = old.filter((directory) => !used.includes(`${directory}/`));
  for (const directory of unused) {
    log(`${name}: removing ${directory}, which nothing uses any more.`);
    // First that it is whole: whoever comes now must not find half of it.
    rmSync(join(directory, '.ready'));
    rmSync(directory, { recursive: true, force: true });
  }
  return unused;
}

/** Files that the processes of this machine have in memory or were started with, as far as we may look. */
function mappedFiles() {
  const read = (file) => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  };
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return pids.map((pid) => read(`/proc/${pid}/maps`) + read(`/proc/${pid}/cmdline`)).join('\n');
}

/** Makes every environment of the repository, one after another. */
export async function makeEnvironments({ folders = environmentFolders(), ...options } = {}) {
  const made = [];
  for (const folder of folders) made.push(await makeEnvironment(folder, options));
  return made;
}

async function install(name, folder, directory, log) {
  const lock = join(folder, 'requirements.lock');
  const total = readFileSync(lock, 'utf8').match(/^[A-Za-z0-9]/gm)?.length ?? 0;
  let collected = 0;
  let toldAt = 0;
  const progress = (line) => {
    const [, requirement] = /^Collecting (\S+)/.exec(line) ?? [];
    if (requirement) collected += 1;
    if (requirement && Date.now() - toldAt > 2000) {
      toldAt = Date.now();
      log(`${name}: fetching ${requirement} (${collected} of ${total})`);
    }
    if (line.startsWith('Installing collected packages')) log(`${name}: installing ${total} packages …`);
  };
  const pip = ['-m', 'pip', '--disable-pip-version-check', '--no-input', 'install', '--no-compile', '--prefer-binary'];
  await run(join(directory, 'bin', 'python'), [...pip, '--progress-bar', 'off', '-r', lock], [0], progress);
}

/** Runs a command to its end. @throws Error with its last lines when the exit code is not among `allowed` */
function run(command, args, allowed = [0], onLine = () => {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const last = [];
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (chunk) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop();
        for (const line of lines) {
          onLine(line);
          last.push(line);
        }
        last.splice(0, last.length - 15);
      });
    }
    child.on('error', (error) => fail(new Error(`${command} could not be run: ${error.message}`)));
    child.on('close', (code) =>
      allowed.includes(code) ? done() : fail(new Error(`${command} ${args.join(' ')} failed:\n${last.join('\n')}`)),
    );
  });
}

/**
 * Runs `work` while no other process of this machine works on the same directory. The lock is an abstract socket: the
 * system lets go of it however its holder ends.
 */
async function alone(directory, onWait, work) {
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 24);
  const path = `\0beamgate-environment-${process.getuid()}-${digest}`;
  for (let waited = false; ; waited = true) {
    const waiting = new Set();
    const server = createServer((socket) => waiting.add(socket.on('error', () => {})));
    const held = await new Promise((done, fail) => {
      server.once('error', (error) => (error.code === 'EADDRINUSE' ? done(false) : fail(error)));
      server.listen(path, () => done(true));
    });
    if (held) {
      try {
        return await work();
      } finally {
        server.close();
        for (const socket of waiting) socket.destroy();
      }
    }
    if (!waited) onWait();
    // The holder never writes: the connection ends with it, or at once when it has just let go.
    await new Promise((done) =>
      connect(path)
        .on('error', () => {})
        .on('close', done)
        .resume(),
    );
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const folders = process.argv.slice(2).map((folder) => resolve(folder));
  try {
    const log = (line) => process.stderr.write(`${line}\n`);
    for (const { directory } of await makeEnvironments({ log, ...(folders.length > 0 ? { folders } : {}) })) {
      process.stdout.write(`${directory}\n`);
    }
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
