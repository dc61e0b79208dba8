import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { remove } from '../support/gateway.js';
import { linesOf } from '../support/lines.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { NumberedClient } from '../support/numbered-client.js';
import { OneRequest, type Outcome } from '../support/one-request.js';
import { agentRecord, processesWith } from '../support/processes.js';
import { releaseSpeaking } from '../support/release.js';
import { ScaleOut } from '../support/scale-out.js';
import type { ServiceProcess } from '../support/service-process.js';
import { createKernel, endKernel, inPhase } from '../support/v1.js';

jest.setTimeout(300_000);

const CLIENTS = 3;

/** Prints numbered lines until a file is there, and at last how many. */
const endless = (file: string): string => `
import os, time
number = 0
while not os.path.exists(${JSON.stringify(file)}):
    print(f'line {number}', flush=True)
    number += 1
    time.sleep(0.01)
print('lines', number)`;

describe('an upgrade of every service, one after the other, while kernels run and requests come', () => {
  let specs: string;
  let all: ScaleOut;
  let releases: string[];
  /** Files that cells wait for. */
  let files: string;

  beforeAll(async () => {
    specs = offerNullKernel();
    files = mkdtempSync('/tmp/bg-upgrade-');
    releases = [releaseSpeaking(1, 2), releaseSpeaking(2, 3)];
    all = await ScaleOut.start({ env: { JUPYTER_PATH: specs }, config: { scheduling: { maxKernels: 16 } } });
  }, 180_000);
  afterAll(async () => {
    await all?.stop();
    for (const folder of [specs, files, ...(releases ?? [])]) remove(folder);
  }, 60_000);

  /** In order, as a deployment does it. */
  async function upgrade(release: string, between: () => Promise<void>): Promise<void> {
    const next = async (service: ServiceProcess | undefined): Promise<void> => {
      expect(await service?.stop()).toBe(0);
      service?.upgrade(release);
    };
    const [one, two] = all.gateways;
    await next(one.service);
    await one.service.start();
    await between();
    const [leader, standby] = all.gatekeepers;
    await next(standby);
    standby?.begin();
    await next(leader);
    await standby?.serving();
    leader?.begin();
    all.gatekeepers.reverse();
    await next(all.launcher);
    await all.launcher.start();
    await between();
    await next(two.service);
    await two.service.start();
  }

  const started = async (): Promise<string> => {
    const { id } = await createKernel(all.gateways[1]);
    await inPhase(all.gateways[1], id, 'ready');
    return id;
  };
  /** Runs a cell through either gateway. */
  const reachable = async (id: string): Promise<void> => {
    for (const gateway of all.gateways) {
      const client = new NumberedClient(gateway, id);
      await client.connect();
      const request = client.execute('print(6 * 7)');
      await client.done(request);
      expect(client.printed(request)).toBe('42\n');
      await client.close();
    }
  };
  /** Comes back through the other gateway whenever its socket is closed, until it is told to go. */
  async function stays(client: NumberedClient, over: Promise<unknown>): Promise<void> {
    let isOver = false;
    over.then(
      () => {
        isOver = true;
      },
      () => undefined,
    );
    for (let tries = 0; !isOver; tries += 1) {
      await Promise.race([client.closed, over]);
      if (!isOver) await client.connect(all.gateways[tries % 2]).catch(() => undefined);
    }
  }

  it.each([
    ['that speaks one version more', 0, 1],
    ['that speaks the oldest version no more', 1, 2],
  ])('to a release %s loses no kernel, no line and no request', async (_, release, newest) => {
    const id = await started();
    const client = new NumberedClient(all.gateways[0], id);
    await client.connect();
    const file = join(files, `stop-${newest}`);
    const cell = client.execute(endless(file));
    const printing = client.done(cell);
    const staying = stays(client, printing);
    await client.until(() => client.printed(cell) !== '');

    let upgraded = false;
    const outcomes: Outcome[] = [];
    const asking = Array.from({ length: CLIENTS }, async () => {
      while (!upgraded) outcomes.push(await new OneRequest(all.gateways, 'null').run());
    });
    const others: string[] = [];
    try {
      await upgrade(releases[release] as string, async () => {
        others.push(await started());
        // Through services of two releases, one of which made its agent.
        for (const other of others) await reachable(other);
      });
    } finally {
      upgraded = true;
    }
    await Promise.all(asking);
    writeFileSync(file, '');
    expect((await printing).content['status']).toBe('ok');
    await staying;

    const lines = linesOf(client.printed(cell));
    expect(lines.length).toBeGreaterThan(100);
    expect(lines).toEqual([
      ...lines.slice(0, -1).map((_line, number) => `line ${number}`),
      `lines ${lines.length - 1}`,
    ]);
    expect(outcomes.length).toBeGreaterThan(CLIENTS);
    expect(outcomes.filter(({ executions, endReason }) => executions !== 1 || endReason !== 'shut-down')).toEqual([]);
    await client.close();
    for (const other of others) await reachable(other);
    for (const one of [id, ...others]) await endKernel(all.gateways[0], one);
  });

  it('left agents of the newest release to new kernels', async () => {
    const { pid } = agentRecord(all.launcher.data, await started());
    expect(processesWith(releases[1] as string)).toContain(pid);
  });
});
