#!/usr/bin/env node
/**
 * Sets up what the tests need beside the packages: virtual environments, the default environment, a browser, PostgreSQL
 * and RabbitMQ. What comes by apt is found on the machine the next time; all else lies in the cache, outside the checkout.
 * Says where each part is in `test-results/parts.json`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run } from './build.mjs';
import { environmentFolders, makeEnvironment } from './environment.mjs';
import { services } from './services.mjs';
import { makeVenv } from './venv.mjs';

export const partsFile = join(root, 'test-results', 'parts.json');
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const lock = (name) => join(root, 'test', `requirements-${name}.lock`);

/** A Chromium of this machine, installed by apt where that can be done. @throws Error that says what to install */
async function browser({ log }) {
  const wanted = process.env.BEAMGATE_BROWSER;
  const found = () => [wanted, ...BROWSERS].find((path) => path && existsSync(path));
  if (found()) return found();
  const hint = 'Chromium is needed for the browser tests. Install it (Debian: apt install chromium fonts-dejavu-core)';
  const canInstall = process.getuid() === 0 && spawnSync('apt-get', ['--version']).status === 0;
  if (!canInstall) throw new Error(`${hint}, or name one by BEAMGATE_BROWSER.`);
  log('chromium: installing by apt …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-qq'], { env });
  const packages = ['chromium', 'fonts-dejavu-core'];
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
  log('chromium: ready.');
  return found();
}

/**
 * Makes every part, two at a time at most: the virtual environments one after another, what comes by apt beside them.
 *
 * @returns {Promise<{python: string, jupyter: string, agent: string, enterpriseGateway: string,
 *   clients: string, browser: string, postgres: string, rabbitmq: string}>}
 *   `python` is the interpreter of the default environment, the next four are folders of virtual environments, the last
 *   two folders of programs
 */
export async function testParts({ log }) {
  const venvs = async () => {
    const [folder] = environmentFolders().filter((path) => path.endsWith('/python3'));
    const { python } = await makeEnvironment(folder, { log });
    const jupyter = await makeVenv('jupyterlab', lock('jupyter'), { log });
    const agent = await makeVenv('agent-tests', lock('agent'), { log });
    // Enterprise Gateway pins pyzmq 24, which has wheels up to Python 3.11.
    const pythons = ['python3.11'];
    const enterpriseGateway = await makeVenv('enterprise-gateway', lock('enterprise-gateway'), { log, pythons });
    const clients = await makeVenv('loose-clients', lock('clients'), { log });
    return { python, jupyter, agent, enterpriseGateway, clients };
  };
  // apt takes one call at a time.
  const byApt = async () => ({ browser: await browser({ log }), ...(await services({ log })) });
  const made = await Promise.allSettled([venvs(), byApt()]);
  for (const part of made) if (part.status === 'rejected') throw part.reason;
  const parts = { ...made[0].value, ...made[1].value };
  mkdirSync(join(partsFile, '..'), { recursive: true });
  writeFileSync(partsFile, `${JSON.stringify(parts, null, 2)}\n`);
  return parts;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await testParts({ log: (line) => process.stderr.write(`${line}\n`) });
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
