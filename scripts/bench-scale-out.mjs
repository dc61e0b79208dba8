#!/usr/bin/env node
/**
 * `npm run bench:scale-out`: the services on PostgreSQL, RabbitMQ and an API server. `-- --smoke` takes less than a minute
 * and no cluster, `-- --only NAME` one part, `-- --publish` writes the page.
 */
import { spawn } from 'node:child_process';
import { build, install, root, serviceNode } from './build.mjs';
import { testParts } from './test-parts.mjs';

const log = (line) => process.stderr.write(`${line}\n`);
try {
  await install({ dev: true, log });
  await build({ log });
  await testParts({ log });
  const options = ['--no-warnings', '--import', './libs/testing/loader/typescript.mjs'];
  const bench = spawn(serviceNode(), [...options, 'test/bench/scale-out.ts', ...process.argv.slice(2)], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  bench.on('exit', (code) => process.exit(code ?? 1));
} catch (error) {
  log(error.message);
  process.exit(1);
}
