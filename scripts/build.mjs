/** Installs the packages and compiles the services, each only when its inputs changed. Node ≥ 20, builtins only. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The Node that services run on: the one among the dependencies, whatever the machine has. */
export const serviceNode = () => {
  const own = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  return existsSync(own) ? own : process.execPath;
};

/** Runs a command to its end. Its output is shown only when it fails. @throws Error with the last lines of output */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => reject(new Error(`${command}: ${error.message}`)));
    child.on('exit', (code) =>
      code === 0
        ? resolve(output)
        : reject(new Error(`${command} ${args.join(' ')} failed (${code})\n${output.trimEnd()}`)),
    );
  });
}

const marker = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/**
 * Installs what the lock file pins, when it changed. Without `dev` only what the service needs; an install with `dev` serves both.
 */
export async function install({ dev, log }) {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) throw new Error(`Node 20 or newer is needed, this is ${process.version}.`);
  const file = join(root, 'node_modules', '.beamgate-install');
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const done = marker(file);
  if (done === `${hash} dev` || (!dev && done === `${hash} service`)) return;
  const since = Date.now();
  log('Installing packages …');
  // Not `npm ci`: it refuses a lock file without the binaries of other platforms, which some registry mirrors lack.
  await run('npm', ['install', '--no-save', '--no-audit', '--no-fund', ...(dev ? [] : ['--omit=dev'])]);
  writeFileSync(file, `${hash} ${dev ? 'dev' : 'service'}`);
  log(`Installed packages (${seconds(since)}).`);
}

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.(ts|json)$/.test(entry.name)) yield path;
  }
}

/** Compiles when a source file was added, removed or touched since the last time. */
export async function build({ log }) {
  const file = join(root, 'dist', '.beamgate-build');
  const paths = [
    ...sources(join(root, 'apps')),
    ...sources(join(root, 'libs')),
    ...['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/bundle.mjs'].map((name) =>
      join(root, name),
    ),
  ];
  const hash = createHash('sha256');
  for (const path of paths.sort()) hash.update(`${path} ${statSync(path).mtimeMs} ${statSync(path).size}\n`);
  const state = hash.digest('hex');
  if (marker(file) === state) return;
  const since = Date.now();
  log('Building …');
  await run(serviceNode(), ['node_modules/typescript-native/bin/tsc', '-p', 'tsconfig.build.json']);
  await bundle(root);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, state);
  log(`Built (${seconds(since)}).`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build({ log: console.error });
