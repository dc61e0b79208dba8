#!/usr/bin/env node
/** `npm run lab`: opens JupyterLab, made in a virtual environment of its own where none is installed, on a running Beamgate. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { root } from './build.mjs';
import { makeVenv } from './venv.mjs';

const log = (line) => process.stderr.write(`${line}\n`);
const HELP = `Usage: npm run lab -- [--data DIR] [options of jupyter lab]

Opens JupyterLab on the Beamgate that runs on this machine. Without an installed JupyterLab one is made in the cache.

  --data DIR   Data folder of the service [BEAMGATE_DATA, else beamgate in the user's data folder]

Everything else goes to JupyterLab, for example --no-browser, --port 8889 or a folder; see jupyter lab --help.
`;

/** Our own option, and what is JupyterLab's. */
function split(words) {
  const rest = [];
  let data;
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    if (word === '--data') {
      index += 1;
      data = words[index];
    } else if (word.startsWith('--data=')) data = word.slice('--data='.length);
    else rest.push(word);
  }
  return { data, rest };
}

const asked = split(process.argv.slice(2));
const data =
  asked.data ??
  process.env.BEAMGATE_DATA ??
  join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share'), 'beamgate');

function service() {
  try {
    return JSON.parse(readFileSync(join(data, 'service.json'), 'utf8'));
  } catch {
    throw new Error(`No Beamgate runs with its data in ${data}. Start it first: npm start`);
  }
}

async function jupyter() {
  if (spawnSync('jupyter', ['lab', '--version'], { stdio: 'ignore' }).status === 0) return 'jupyter';
  const venv = await makeVenv('jupyterlab', join(root, 'test/requirements-jupyter.lock'), { log });
  return join(venv, 'bin', 'jupyter');
}

try {
  if (asked.rest.includes('--help')) {
    process.stdout.write(HELP);
    process.exit();
  }
  const { url, token } = service();
  // By environment: a token among the arguments could be read by every user of the machine.
  const env = { ...process.env, JUPYTER_GATEWAY_AUTH_SCHEME: 'Bearer', JUPYTER_GATEWAY_AUTH_TOKEN: token };
  const lab = spawn(await jupyter(), ['lab', `--gateway-url=${url}`, ...asked.rest], { stdio: 'inherit', env });
  // JupyterLab asks at the first Ctrl-C and stops at the second: at a terminal it must not come twice.
  process.on('SIGINT', () => process.stdin.isTTY || lab.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => lab.kill(signal));
  lab.on('exit', (code) => process.exit(code ?? 1));
} catch (error) {
  log(error.message);
  process.exit(1);
}
