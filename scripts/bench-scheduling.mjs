#!/usr/bin/env node
/** `npm run bench:scheduling`: the scheduling core alone. `-- --smoke` takes seconds, `-- --publish` writes the page. */
import { spawnSync } from 'node:child_process';
import { install, root, serviceNode } from './build.mjs';

await install({ dev: true, log: (line) => process.stderr.write(`${line}\n`) });
const options = ['--expose-gc', '--no-warnings', '--import', './libs/testing/loader/typescript.mjs'];
const bench = spawnSync(serviceNode(), [...options, 'test/bench/scheduling.ts', ...process.argv.slice(2)], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});
process.exit(bench.status ?? 1);
