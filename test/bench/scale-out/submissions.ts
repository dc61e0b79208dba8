import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { typescriptExecArgv } from '../../../libs/testing/src/typescript-exec-argv.js';
import { root } from '../../support/parts.js';
import type { Part } from './part.js';

const run = promisify(execFile);
const WORDS = /: (\d+)\/s accepted, (\d+) failed; p50 ([\d.]+) ms, .*p99 ([\d.]+) ms[\s\S]*?(\d+) of them not on disk/;

/** The queue path alone, `test/bench/submissions.ts`: a process of its own, since it is a client that must keep its rate. */
export const submissions =
  ({ perSecond, seconds }: { perSecond: number; seconds: number }): Part =>
  async (note, say) => {
    const script = join(root, 'test/bench/submissions.ts');
    const args = [...typescriptExecArgv(), script, String(perSecond), String(seconds)];
    const { stdout } = await run(process.execPath, args, { cwd: root });
    say(stdout.trim());
    const [accepted, failed, p50, p99, lost] = (WORDS.exec(stdout) ?? []).slice(1).map(Number) as number[];
    if (lost === undefined) throw new Error(`submissions.ts said something else: ${stdout}`);
    const asked = `${perSecond.toLocaleString('en')}/s asked for ${seconds} s`;
    // What is asked for is what is accepted at most.
    note(`accepted, ${asked}`, '1/s', accepted as number, { least: Math.min(1_000, perSecond * 0.95) });
    note(`refused, ${asked}`, 'requests', failed as number, { most: 0 });
    note(`answered, ${asked}, p50`, 'ms', p50 as number);
    note(`answered, ${asked}, p99`, 'ms', p99 as number, { most: 150 });
    note(`acknowledged and not on disk, ${asked}`, 'requests', lost, { most: 0 });
  };
