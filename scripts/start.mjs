#!/usr/bin/env node
/** `npm start`: installs, builds, makes the default environment, and runs the service. Runs on Node ≥ 20 alone. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, install, root } from './build.mjs';
import { makeEnvironments } from './environment.mjs';

const options = process.argv.slice(2);

try {
  const began = Date.now();
  const log = (line) => process.stderr.write(`${line}\n`);
  if (!options.includes('--help')) {
    await Promise.all([install({ dev: false, log }).then(() => build({ log })), makeEnvironments({ log })]);
  } else {
    await install({ dev: false, log });
    await build({ log });
  }
  const service = spawn(join(root, 'scripts/service.sh'), options, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, BEAMGATE_STARTED_AT: String(began) },
  });
  // Ctrl-C reaches the service by the terminal's process group too; it takes both for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => service.kill(signal));
  service.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
} catch (error) {
  process.stderr.write(`\nBeamgate could not be started: ${error.message}\n`);
  process.exit(1);
}
