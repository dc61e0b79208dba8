/** PostgreSQL and RabbitMQ for the tests, from the machine or by apt. Never started here: each test starts its own. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './build.mjs';

const POSTGRES = '/usr/lib/postgresql';
const RABBITMQ = '/usr/lib/rabbitmq/bin';
const PACKAGES = { postgres: 'postgresql-15', rabbitmq: 'rabbitmq-server' };
const POLICY = '/usr/sbin/policy-rc.d';

/** Folder of initdb and postgres, the newest version of the machine; undefined where there is none. */
function postgres() {
  const versions = existsSync(POSTGRES) ? readdirSync(POSTGRES).sort((one, other) => Number(other) - Number(one)) : [];
  return versions
    .map((version) => join(POSTGRES, version, 'bin'))
    .find((bin) => ['initdb', 'postgres'].every((name) => existsSync(join(bin, name))));
}

/** Folder of rabbitmq-server, which needs Erlang beside it; undefined where there is none. */
const rabbitmq = () =>
  existsSync(join(RABBITMQ, 'rabbitmq-server')) && spawnSync('erl', ['-noshell', '-eval', 'halt().']).status === 0
    ? RABBITMQ
    : undefined;

/** Runs `work` while no package may start a service. */
async function withoutServices(work) {
  const guarded = existsSync(POLICY);
  if (!guarded) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return await work();
  } finally {
    if (!guarded) rmSync(POLICY);
  }
}

/**
 * Finds both, and installs what is missing; what was installed is found by the next run.
 *
 * @returns {Promise<{postgres: string, rabbitmq: string}>} folders of their programs
 * @throws Error that says what to install
 */
export async function services({ log }) {
  const find = () => ({ postgres: postgres(), rabbitmq: rabbitmq() });
  const found = find();
  const missing = Object.keys(found).filter((name) => !found[name]);
  if (missing.length === 0) return found;
  const packages = missing.map((name) => PACKAGES[name]);
  const hint = `The tests of store and bus need ${packages.join(' and ')} (Debian: apt install ${packages.join(' ')}).`;
  const canInstall = process.getuid() === 0 && spawnSync('apt-get', ['--version']).status === 0;
  if (!canInstall) throw new Error(hint);
  const since = Date.now();
  log(`${packages.join(', ')}: installing by apt …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '-qq', '--no-install-recommends', ...packages];
  await withoutServices(async () => {
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', install, { env });
  });
  const made = find();
  if (!made.postgres || !made.rabbitmq) throw new Error(hint);
  log(`${packages.join(', ')}: ready (${Math.round((Date.now() - since) / 1000)} s).`);
  return made;
}
