import { existsSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Child } from './child.js';
import { cleanEnvironment, freePort, type Gateway, remove, resultsFolder, temporaryFolder } from './gateway.js';
import { root } from './parts.js';
import { processesWith } from './processes.js';

export interface BeamgateOptions {
  /** Settings as in a configuration file. */
  config?: Record<string, unknown>;
  flags?: string[];
  env?: Record<string, string>;
  /** Data folder; default: a new temporary one, removed at stop. */
  data?: string;
  logName?: string;
}

/** Most suites start many services and few kernels: pools would take the processor from what they test. */
const NO_POOLS = { pools: { kernelspecs: {} } };
/** Warm kernels as the service has them by default. */
export const POOLS = { pools: {} };

interface ServiceFile {
  url: string;
  token: string;
  pid?: number;
}

/** The service as built in `dist`, on a free port and a data folder of its own. */
export class Beamgate implements Gateway {
  readonly name = 'Beamgate';
  readonly data: string;
  url = '';
  token = '';
  private child: Child | undefined;

  private constructor(private readonly options: BeamgateOptions) {
    this.data = options.data ?? temporaryFolder('data');
  }

  static async start(options: BeamgateOptions = {}): Promise<Beamgate> {
    const beamgate = new Beamgate(options);
    await beamgate.launch(freePort());
    return beamgate;
  }

  get pid(): number {
    return this.process.pid;
  }

  get process(): Child {
    if (!this.child) throw new Error('Beamgate does not run');
    return this.child;
  }

  get logFile(): string {
    return join(resultsFolder('logs'), `${this.options.logName ?? basename(this.data)}.log`);
  }

  async startAgain(): Promise<void> {
    await this.launch(Number(new URL(this.url).port));
  }

  async kill(): Promise<void> {
    await this.process.end('SIGKILL');
  }

  /** As Ctrl-C does: kernels end too. */
  async stop(): Promise<void> {
    await this.child?.end('SIGTERM');
    // Nobody comes back for those that it was told to keep.
    const kept = this.options.config?.['keepKernels'] === true ? processesWith(join(this.data, 'run')) : [];
    for (const pid of kept) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It went with another.
      }
    }
    if (this.options.data === undefined) remove(this.data);
  }

  private async launch(port: number): Promise<void> {
    const announced = join(this.data, 'service.json');
    rmSync(announced, { force: true });
    const config = join(this.data, 'test-config.json');
    writeFileSync(config, JSON.stringify({ ...NO_POOLS, ...this.options.config }));
    this.child = new Child(
      this.name,
      join(root, 'scripts/service.sh'),
      ['--port', String(port), '--data', this.data, '--config', config, ...(this.options.flags ?? [])],
      { cwd: root, env: { ...cleanEnvironment(), ...this.options.env }, logFile: this.logFile },
    );
    const given = new AbortController();
    const { url, token } = await Promise.race([
      appears(announced, given.signal),
      this.child.ended.then((how) => {
        throw new Error(`Beamgate ended (${how}) before it was ready:\n${this.child?.output.slice(-4000)}`);
      }),
    ]).finally(() => given.abort());
    this.url = url.replace(/\/$/, '');
    this.token = token;
  }
}

/** The file in which a running service says its URL and token; it is written once the service is ready. */
function appears(path: string, signal: AbortSignal): Promise<ServiceFile> {
  return new Promise((resolve) => {
    const look = () => {
      if (!existsSync(path)) return;
      try {
        const found = JSON.parse(readFileSync(path, 'utf8')) as ServiceFile;
        watcher.close();
        resolve(found);
      } catch {
        // Half written: the next event tells.
      }
    };
    const watcher = watch(join(path, '..'), { signal }, look);
    look();
  });
}
