import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { remove, temporaryFolder } from '../support/gateway.js';
import { root } from '../support/parts.js';
import { Scope } from '../support/scope.js';

type Prune = (name: string, options: { cache: string }) => string[];

describe('environments made from older locks', () => {
  const scope = new Scope();
  const cache = scope.use(temporaryFolder('cache'), remove);
  let prune: Prune;

  beforeAll(async () => {
    ({ pruneEnvironments: prune } = (await import(join(root, 'scripts/environment.mjs'))) as {
      pruneEnvironments: Prune;
    });
  });

  /** @param age  days since its last use; undefined: it is being made */
  function environment(name: string, hash: string, age?: number): string {
    const directory = join(cache, 'environments', `${name}-${hash.repeat(12)}-py3.12-${process.arch}`);
    mkdirSync(join(directory, 'bin'), { recursive: true });
    if (age !== undefined) {
      writeFileSync(join(directory, '.ready'), '');
      const then = new Date(Date.now() - age * 86_400_000);
      utimesSync(join(directory, '.ready'), then, then);
    }
    return directory;
  }

  it('go once newer ones were used, but not under the feet of a process, nor another name, nor half made ones', async () => {
    const [newest, second] = [environment('tomo', 'a', 0), environment('tomo', 'b', 1)];
    const [used, old, making] = [environment('tomo', 'c', 3), environment('tomo', 'd', 2), environment('tomo', 'e')];
    const other = environment('tomo-gpu', 'f', 9);
    const kernel = spawn('sleep', ['600'], { argv0: join(used, 'bin/python') });
    scope.use(kernel, (one) => void one.kill());
    await once(kernel, 'spawn');
    expect(prune('tomo', { cache })).toEqual([old]);
    expect([newest, second, used, old, making, other].map((directory) => existsSync(directory))).toEqual([
      true,
      true,
      true,
      false,
      true,
      true,
    ]);
    kernel.kill();
    await once(kernel, 'exit');
    expect(prune('tomo', { cache })).toEqual([used]);
    expect(prune('tomo', { cache })).toEqual([]);
  });
});
