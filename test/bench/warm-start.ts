import { readdirSync, readFileSync, readlinkSync, watch } from 'node:fs';
import { join } from 'node:path';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient, deleteKernel, startKernel } from '../support/channel-client.js';
import type { Gateway } from '../support/gateway.js';
import { type Starts, startsAtOnce, startsInTurn } from './start.js';
import { type KernelName, proportionalSetSize } from './subjects.js';

/** Beamgate with a pool of kernels, full at each measurement. */
export class PooledBeamgate {
  private constructor(
    readonly gateway: Beamgate,
    private readonly size: number,
    private readonly kernel: KernelName,
  ) {}

  /** `size` 0: kernels are forked from the template when they are asked for. */
  static async start(jupyterPath: string, size: number, kernel: KernelName = 'python3'): Promise<PooledBeamgate> {
    const pools = { kernelspecs: { [kernel]: { floor: size, ceiling: size } }, budget: size };
    const env = { JUPYTER_PATH: jupyterPath };
    const gateway = await Beamgate.start({ env, config: { pools }, logName: 'bench-warm' });
    const pooled = new PooledBeamgate(gateway, size, kernel);
    await pooled.full(0);
    // The first starts of a service compile it.
    await pooled.inTurn();
    return pooled;
  }

  async inTurn(): Promise<Starts> {
    const from = this.logged;
    const starts = await startsInTurn(this.gateway, this.kernel, this.size || 10);
    await this.full(from);
    return starts;
  }

  async atOnce(): Promise<Starts> {
    const from = this.logged;
    const starts = await startsAtOnce(this.gateway, this.kernel, this.size);
    await this.full(from);
    return starts;
  }

  /** From the POST until a cell has imported what scientists import, milliseconds; one after another. */
  async toImports(): Promise<number[]> {
    const from = this.logged;
    const times: number[] = [];
    for (let start = 0; start < this.size; start += 1) times.push(await startToImports(this.gateway));
    await this.full(from);
    return times;
  }

  /** Of all agents and warm kernels and the template, for each warm kernel, bytes. */
  get bytesPerKernel(): number {
    const own = readdirSync('/proc').filter((pid) => commandLine(pid).includes('template.py') && this.isOurs(pid));
    return own.reduce((sum, pid) => sum + proportionalSetSize(Number(pid)), 0) / this.size;
  }

  /** The template is a child of the service; agents and kernels were forked from it and have its log or a kernel's. */
  private isOurs(pid: string): boolean {
    try {
      return descriptors(pid).some((path) => path.startsWith(this.gateway.data));
    } catch {
      return false;
    }
  }

  /** How much of its log has been read: what `full` goes on from. */
  private get logged(): number {
    return readFileSync(this.log, 'utf8').length;
  }

  /** Resolves when the log tells, after `from`, that the pool is full. */
  private full(from: number): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    const wanted = `"ready":${this.size},"msg":"warm kernel ready"`;
    return new Promise((resolve) => {
      const look = () => {
        if (!readFileSync(this.log, 'utf8').slice(from).includes(wanted)) return;
        watcher.close();
        resolve();
      };
      const watcher = watch(this.log, look);
      look();
    });
  }

  private get log(): string {
    return join(this.gateway.data, 'logs', 'beamgate.log');
  }
}

/** From the POST until a cell has imported what scientists import, milliseconds. */
export async function startToImports(gateway: Gateway): Promise<number> {
  const began = performance.now();
  const { id } = await startKernel(gateway, 'python3');
  const client = await ChannelClient.open(gateway, id);
  await client.execute('import numpy, pandas, matplotlib');
  const took = performance.now() - began;
  client.socket.terminate();
  await deleteKernel(gateway, id);
  return took;
}

const commandLine = (pid: string): string => {
  try {
    return /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
  } catch {
    return '';
  }
};

const descriptors = (pid: string): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return [];
    }
  });
