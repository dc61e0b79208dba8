import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.js';
import { cleanEnvironment, freePort, resultsFolder, temporaryFolder } from './gateway.js';
import { root } from './parts.js';

export interface ServiceOptions {
  kind: 'gateway' | 'gatekeeper' | 'launcher';
  /** In its log's name, and for people. */
  name: string;
  /** Settings as in a configuration file. */
  config: Record<string, unknown>;
  env?: Record<string, string>;
  /** Data folder, where others share it; default: one of its own. */
  data?: string;
}

/** One service of several, as built in `dist`: on a free port, which it keeps over restarts. */
export class ServiceProcess {
  readonly data: string;
  url: string;
  #child: Child | undefined;
  #release = root;

  constructor(private readonly options: ServiceOptions) {
    this.data = options.data ?? temporaryFolder(options.kind);
    this.url = `http://127.0.0.1:${freePort()}`;
  }

  get name(): string {
    return this.options.name;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What it has printed. */
  get output(): string {
    return this.#process.output;
  }

  /** By itself or by us. */
  get hasEnded(): boolean {
    return this.#process.hasEnded;
  }

  get logFile(): string {
    return join(resultsFolder('services'), `${this.name}.log`);
  }

  /** From its next start on it is of that release. @param folder  as the project's own */
  upgrade(folder: string): void {
    this.#release = folder;
  }

  /** Does not wait: a gatekeeper may stand by for as long as another leads. */
  begin(): void {
    const { kind, name, config, env } = this.options;
    const file = join(this.data, `${name}.json`);
    const log = { file: this.logFile };
    writeFileSync(file, JSON.stringify({ pools: { kernelspecs: {} }, log, ...config }));
    const { port } = new URL(this.url);
    this.#child = new Child(
      name,
      join(this.#release, 'scripts/service.sh'),
      [kind, '--port', port, '--data', this.data, '--config', file],
      {
        cwd: this.#release,
        env: { ...cleanEnvironment(), ...env },
        logFile: join(resultsFolder('services'), `${name}.out`),
      },
    );
  }

  /** Resolves when it serves. */
  async serving(): Promise<void> {
    const [, line = ''] = await this.#process.prints(/^(\{"service".*\})$/m);
    this.url = (JSON.parse(line) as { url: string }).url;
  }

  async start(): Promise<void> {
    this.begin();
    await this.serving();
  }

  async kill(): Promise<void> {
    await this.#child?.end('SIGKILL');
  }

  /** In order; 0 where it closed as it should. */
  async stop(): Promise<number | NodeJS.Signals | null> {
    return (await this.#child?.end('SIGTERM')) ?? null;
  }

  get #process(): Child {
    if (!this.#child) throw new Error(`${this.name} was not started`);
    return this.#child;
  }
}
