import { readFileSync } from 'node:fs';
import { setTimeout as elapse } from 'node:timers/promises';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { remove } from '../support/gateway.js';
import { descriptors, Inspected } from '../support/inspected.js';
import { nothingLeft } from '../support/leftovers.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { eventually } from '../support/processes.js';
import { say } from '../support/say.js';
import { Scope } from '../support/scope.js';
import { Seeded } from '../support/seeded.js';
import { createKernel, endKernel, inPhase, listKernels } from '../support/v1.js';

const FULL = process.env['BEAMGATE_FULL'] === '1';
const setting = (name: string, full: number, brief: number): number =>
  Number(process.env[`BEAMGATE_SOAK_${name}`] ?? (FULL ? full : brief));
const SECONDS = setting('SECONDS', 3600, 30);
const SOCKETS = setting('SOCKETS', 200, 20);
const KERNELS = setting('KERNELS', 50, 6);
/** Longest life of a kernel and longest pause between cells, ms: the short version makes up in haste for its length. */
const [LIFE_MS, PAUSE_MS] = FULL ? [20_000, 4_000] : [10_000, 1_000];
/** One kernel of so many is an ipykernel. */
const REAL_OF = 8;

const scope = new Scope();
const random = new Seeded();

interface Live {
  id: string;
  /** It is being ended: what is asked of it may stay unanswered. */
  leaving: boolean;
}

class Soak {
  readonly live: Live[] = [];
  readonly ids: string[] = [];
  executed = 0;
  sockets = 0;
  readonly failures: string[] = [];
  private until = 0;

  constructor(private readonly beamgate: Beamgate) {}

  async run(seconds: number): Promise<void> {
    this.until = performance.now() + seconds * 1000;
    const slots = [
      ...Array.from({ length: KERNELS }, (_, slot) => this.kernels(slot)),
      ...Array.from({ length: SOCKETS }, () => this.clients()),
    ];
    await Promise.all(slots);
  }

  private get over(): boolean {
    return performance.now() >= this.until;
  }

  /** Waits at random, as people do, but not beyond the end. */
  private async dwell(mostMs: number): Promise<void> {
    await elapse(Math.max(0, Math.min(random.between(0, mostMs), this.until - performance.now())));
  }

  private async kernels(slot: number): Promise<void> {
    while (!this.over) {
      const kernelspec = slot % REAL_OF === 1 ? 'python3' : 'null';
      const { id } = await createKernel(this.beamgate, { kernelspec });
      const kernel = { id, leaving: false };
      this.ids.push(id);
      // Some are ended while they start.
      if (random.next() > 0.1) {
        await inPhase(this.beamgate, id, 'ready');
        this.live.push(kernel);
        await this.dwell(LIFE_MS);
        kernel.leaving = true;
        this.live.splice(this.live.indexOf(kernel), 1);
      }
      await endKernel(this.beamgate, id);
    }
  }

  private async clients(): Promise<void> {
    while (!this.over) {
      const kernel = this.live[random.between(0, Math.max(0, this.live.length - 1))];
      if (kernel === undefined) await this.dwell(200);
      else await this.visit(kernel).catch((error: Error) => this.note(kernel, error));
    }
  }

  private async visit(kernel: Live): Promise<void> {
    const framing = random.next() < 0.5 ? 'v1' : 'legacy';
    const client = await ChannelClient.open(this.beamgate, kernel.id, { framing });
    client.keeping = false;
    this.sockets += 1;
    try {
      for (let cells = random.between(0, 10); cells > 0 && !this.over; cells -= 1) {
        const { reply } = await client.execute('1 + 1');
        if (reply.content['status'] === 'ok') this.executed += 1;
        else if (!kernel.leaving) throw new Error(`a reply says ${reply.content['status']}`);
        await this.dwell(PAUSE_MS);
      }
    } finally {
      // Half of all clients leave without a word.
      if (random.next() < 0.5) client.socket.terminate();
      else await client.close();
    }
  }

  private note(kernel: Live, error: Error): void {
    if (!kernel.leaving) this.failures.push(`${kernel.id}: ${error.message}`);
  }
}

const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

it(
  `${SOCKETS} sockets and ${KERNELS} kernels at random for ${SECONDS} s leave nothing behind`,
  async () => {
    say(`seed ${random.seed}`);
    const specs = scope.use(offerNullKernel(), remove);
    const inspected = await Inspected.prepare();
    const config = {
      kernels: { endedVisibleSeconds: 1 },
      scheduling: { cpuMilli: 1_000_000, memoryBytes: 2 ** 40 },
    };
    const env = { JUPYTER_PATH: specs, ...inspected.env };
    const beamgate = scope.use(await Beamgate.start({ config, env, logName: 'chaos-soak' }), (one) => one.stop());
    const soak = new Soak(beamgate);
    const measured = async () => {
      await eventually(
        'every kernel has ended',
        async () => ((await listKernels(beamgate)).every(({ phase }) => phase === 'ended') ? true : undefined),
        60,
      );
      await nothingLeft(beamgate.data, soak.ids);
      const usedBytes = await inspected.usedBytes();
      return { usedBytes, residentBytes: residentBytes(beamgate.pid), descriptors: descriptors(beamgate.pid) };
    };
    // The first quarter fills caches and pools.
    await soak.run(SECONDS / 4);
    const before = await measured();
    await soak.run((SECONDS * 3) / 4);
    const after = await measured();
    const grown = (after.usedBytes - before.usedBytes) / 1e6;
    const resident = (after.residentBytes - before.residentBytes) / 1e6;
    say(
      `${soak.ids.length} kernels, ${soak.sockets} sockets, ${soak.executed} cells; then ${grown.toFixed(1)} MB in use, ` +
        `${resident.toFixed(1)} MB resident and ${after.descriptors - before.descriptors} descriptors more`,
    );
    expect(soak.failures).toEqual([]);
    expect(soak.executed).toBeGreaterThan(SECONDS);
    expect(grown).toBeLessThan(8);
    expect(resident).toBeLessThan(48);
    expect(after.descriptors - before.descriptors).toBeLessThan(10);
  },
  SECONDS * 1500 + 120_000,
);
