import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';

export interface ChildOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Whom it runs as; default: us. */
  uid?: number;
  gid?: number;
  /** Everything that it prints is appended here. */
  logFile: string;
}

/** A process under test: what it printed can be waited for, and it can be ended in every way. */
export class Child {
  private printed = '';
  private readonly watchers = new Set<() => void>();
  private readonly process: ChildProcess;
  hasEnded = false;
  /** Resolves with exit code, or signal, once it has ended. */
  readonly ended: Promise<number | NodeJS.Signals | null>;

  constructor(
    readonly name: string,
    command: string,
    args: string[],
    options: ChildOptions,
  ) {
    const { logFile, ...how } = options;
    const log = createWriteStream(logFile, { flags: 'a' });
    this.process = spawn(command, args, { ...how, stdio: ['ignore', 'pipe', 'pipe'] });
    const take = (chunk: string) => {
      log.write(chunk);
      this.printed = (this.printed + chunk).slice(-200_000);
      for (const watcher of this.watchers) watcher();
    };
    this.process.stdout?.setEncoding('utf8').on('data', take);
    this.process.stderr?.setEncoding('utf8').on('data', take);
    this.ended = new Promise((resolve) => {
      this.process.on('error', (error) => {
        take(`${error.message}\n`);
        resolve(null);
      });
      this.process.on('exit', (code, signal) => resolve(signal ?? code));
    });
    void this.ended.then(() => {
      this.hasEnded = true;
    });
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new Error(`${this.name} did not start:\n${this.printed}`);
    return this.process.pid;
  }

  get output(): string {
    return this.printed;
  }

  /** Resolves with the match of what was printed so far, or will be. Rejects when the process ends before. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    return this.until(() => pattern.exec(this.printed) ?? undefined, `printing ${pattern}`);
  }

  /** Asks `look` now and after each thing printed, until it answers. */
  async until<T>(look: () => T | undefined, what: string): Promise<T> {
    const found = look();
    if (found !== undefined) return found;
    return new Promise<T>((resolve, reject) => {
      const watcher = () => {
        const value = look();
        if (value === undefined) return;
        this.watchers.delete(watcher);
        resolve(value);
      };
      this.watchers.add(watcher);
      void this.ended.then((how) => {
        this.watchers.delete(watcher);
        reject(new Error(`${this.name} ended (${how}) before ${what}:\n${this.printed.slice(-4000)}`));
      });
    });
  }

  /** Ends it by a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    this.process.kill(signal);
    return this.ended;
  }
}
