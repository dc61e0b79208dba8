#!/usr/bin/env node
/** `npm run bench`: sets up service, parts and peer, then measures them all in one run. `-- --smoke` takes a minute. */
import { spawn } from 'node:child_process';
import { build, install, root, serviceNode } from './build.mjs';
import { testParts } from './test-parts.mjs';

const log = (line) => process.stderr.write(`${line}\n`);
try {
  await install({ dev: true, log });
  await build({ log });
  await testParts({ log });
  const loader = ['--no-warnings', '--import', './libs/testing/loader/typescript.mjs'];
  const bench = spawn(serviceNode(), [...loader, 'test/bench/main.ts', ...process.argv.slice(2)], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  bench.on('exit', (code) => process.exit(code ?? 1));
} catch (error) {
  log(error.message);
  process.exit(1);
}
