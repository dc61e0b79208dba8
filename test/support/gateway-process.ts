import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { typescriptExecArgv } from '#libs/testing';
import type { Beamgate } from './beamgate.js';
import { Child } from './child.js';
import { cleanEnvironment, type Gateway, remove, resultsFolder, temporaryFolder } from './gateway.js';

/** One more gateway for a kernel of a running service, in a process of its own. */
export class GatewayProcess implements Gateway {
  readonly name = 'another gateway';
  readonly #folder = temporaryFolder('gateway');
  #child: Child | undefined;
  url = '';
  token = '';

  private constructor(private readonly agent: string[]) {}

  static async start(beamgate: Beamgate, kernelId: string): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(agentOf(beamgate, kernelId));
    await gateway.startAgain();
    return gateway;
  }

  get pid(): number {
    if (!this.#child) throw new Error('it does not run');
    return this.#child.pid;
  }

  async kill(): Promise<void> {
    await this.#child?.end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.kill();
    remove(this.#folder);
  }

  async startAgain(): Promise<void> {
    const file = join(import.meta.dirname, 'gateway.child.ts');
    this.#child = new Child(this.name, process.execPath, [...typescriptExecArgv(), file, ...this.agent], {
      env: { ...cleanEnvironment(), TMPDIR: this.#folder },
      logFile: join(resultsFolder('logs'), 'another-gateway.log'),
    });
    const [line] = await this.#child.prints(/^\{"url".*\}$/m);
    Object.assign(this, JSON.parse(line) as { url: string; token: string });
  }
}

/** Kernel id and endpoint, from what the host wrote for the agent. */
function agentOf(beamgate: Beamgate, kernelId: string): string[] {
  const folder = join(beamgate.data, 'run', 's');
  for (const name of readdirSync(folder)) {
    const spec = JSON.parse(readFileSync(join(folder, name, 'spec.json'), 'utf8')) as Record<string, string>;
    if (spec['kernelId'] === kernelId) {
      return ['kernelId', 'socket', 'clientToken', 'controlToken'].map((key) => spec[key] ?? '');
    }
  }
  throw new Error(`kernel ${kernelId} has no agent`);
}
