import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { HostLog } from './process-host-options.js';
import { judge, type SpawnedAgent } from './spawn-agent.js';

interface Message {
  ready?: number;
  preloaded?: true;
  id?: string;
  pid?: number;
  word?: string;
  exited?: true;
}

/** An agent that was asked for: what settles each of its promises. */
interface Forked {
  started(pid: number): void;
  word(text: string): void;
  exited(): void;
  /** Nobody is left to tell of it. */
  lost(): void;
}

const RESTART_MS = 10_000;

/**
 * The template of one Python: a process that has imported ipykernel and forks agents, so that a kernel starts without
 * importing it again. Its end ends no kernel. While it is not ready, agents are spawned as usual.
 */
export class Template {
  #process: ChildProcess | undefined;
  /** Whether it can fork. */
  ready = false;
  #startedAt = Number.NEGATIVE_INFINITY;
  #closed = false;
  readonly #forked = new Map<string, Forked>();

  /** `onPreloaded`: all of `modules` are imported, each time it was started. */
  constructor(
    readonly python: string,
    private readonly modules: readonly string[],
    private readonly onPreloaded: () => void,
    private readonly main: string,
    private readonly env: Readonly<Record<string, string>>,
    private readonly logFile: string,
    private readonly log: HostLog,
  ) {}

  /** Starts it, or starts it again after its end, not too often. */
  start(): void {
    if (this.#process !== undefined || this.#closed || performance.now() - this.#startedAt < RESTART_MS) return;
    this.#startedAt = performance.now();
    const log = openSync(this.logFile, 'a', 0o600);
    const template = spawn(
      this.python,
      ['-Xfrozen_modules=off', join(dirname(this.main), 'template.py'), ...this.modules],
      {
        cwd: '/',
        detached: true,
        env: this.env,
        stdio: ['pipe', 'pipe', log],
      },
    );
    closeSync(log);
    this.#process = template;
    template.unref();
    const { stdin, stdout } = template as ChildProcessByStdio<Writable, Readable, null>;
    stdin.on('error', () => {});
    createInterface({ input: stdout }).on('line', (line) => this.#hear(JSON.parse(line) as Message));
    const gone = (): void => this.#gone();
    template.once('error', gone);
    template.once('exit', gone);
  }

  /** Undefined while it is not ready. */
  fork(specFile: string, logFile: string): Promise<SpawnedAgent> | undefined {
    this.start();
    if (!this.ready) return undefined;
    const id = randomUUID();
    const pid = Promise.withResolvers<number>();
    const word = Promise.withResolvers<string>();
    const end = Promise.withResolvers<void>();
    // Whoever asked may have stopped listening to its word.
    word.promise.catch(() => {});
    const lost = (): void => {
      const error = new Error('The template of the environment ended while the kernel started.');
      pid.reject(error);
      word.reject(error);
    };
    this.#forked.set(id, { started: pid.resolve, word: word.resolve, exited: end.resolve, lost });
    this.#process?.stdin?.write(`${JSON.stringify({ id, spec: specFile, log: logFile })}\n`);
    return pid.promise.then((pid) => ({ pid, listening: judge(word.promise), exited: end.promise }));
  }

  close(): void {
    this.#closed = true;
    this.#process?.stdin?.end();
  }

  #hear({ ready, preloaded, id = '', pid, word, exited }: Message): void {
    if (ready !== undefined) {
      this.ready = true;
      this.log.info({ pid: ready, python: this.python }, 'template ready');
    }
    if (preloaded) this.onPreloaded();
    const forked = this.#forked.get(id);
    if (pid !== undefined) forked?.started(pid);
    if (word !== undefined) forked?.word(word);
    if (exited) this.#forked.delete(id);
    if (exited) forked?.exited();
  }

  /** Agents that it had forked live on and are watched by their control streams. */
  #gone(): void {
    if (!this.#closed) this.log.warn({ python: this.python }, 'template ended; agents are spawned until it is back');
    this.#process = undefined;
    this.ready = false;
    for (const { lost } of this.#forked.values()) lost();
    this.#forked.clear();
  }
}
