import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** A process that was just started. */
export interface SpawnedAgent {
  pid: number;
  /** Resolves when the agent listens; rejects with its sentence, or when it ends without a word. */
  listening: Promise<void>;
  /** Resolves when the process has ended. */
  exited: Promise<void>;
}

/**
 * Starts an agent apart from this process: its own session, nothing of our environment, output into its log, a word
 * home on descriptor 3.
 *
 * @throws Error with a sentence when the interpreter can't be run
 */
export async function spawnAgent(
  python: string,
  main: string,
  specFile: string,
  logFile: string,
): Promise<SpawnedAgent> {
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(python, ['-I', '-S', '-X', 'utf8', main, specFile], {
      cwd: '/',
      detached: true,
      env: {},
      stdio: ['ignore', log, log, 'pipe'],
    });
    child.unref();
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) =>
        reject(new Error(`The Python of agents, ${python}, can't be run: ${error.message}`)),
      );
    });
    const listening = judge(wordHome(child.stdio[3] as Readable));
    return { pid: child.pid as number, listening, exited };
  } finally {
    closeSync(log);
  }
}

function wordHome(home: Readable): Promise<string> {
  return new Promise((resolve) => {
    let word = '';
    home.setEncoding('utf8').on('data', (chunk: string) => {
      word += chunk;
    });
    home.on('error', () => {});
    home.on('close', () => resolve(word));
  });
}

/** @throws Error with the sentence of an agent that could not start */
export async function judge(wordHome: Promise<string>): Promise<void> {
  const word = (await wordHome).trim();
  if (word === 'listening') return;
  throw new Error(word.startsWith('error: ') ? word.slice(7) : 'The agent ended while it started.');
}
