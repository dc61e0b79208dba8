import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CommandClient, rabbitClient } from '#libs/bus';
import { GatekeeperCommands, type KernelId } from '#libs/contracts';
import { aSubmission, typescriptExecArgv } from '#libs/testing';
import { PostgresServer } from '../support/postgres-server.js';
import { eventually } from '../support/processes.js';
import { RabbitServer } from '../support/rabbit-server.js';
import { say } from '../support/say.js';
import { ScaleOutGatekeeper } from '../support/scale-out-gatekeeper.js';

const SCHEDULING = { maxKernels: 3 };
const source = JSON.stringify(new URL('../support/scale-out-gatekeeper.ts', import.meta.url).href);

describe('kill -9 of the gatekeeper that leads', () => {
  let server: PostgresServer;
  let broker: RabbitServer;
  beforeAll(async () => {
    [server, broker] = await Promise.all([PostgresServer.start({ durable: true }), RabbitServer.start()]);
  }, 120_000);
  afterAll(async () => {
    await server.remove();
    await broker.remove();
  });

  /** A leader in a process of its own. */
  async function leader(parts: object): Promise<{ kill(): Promise<void> }> {
    const script = `
      await import('reflect-metadata');
      const { ScaleOutGatekeeper } = await import(${source});
      await ScaleOutGatekeeper.start(${JSON.stringify(parts)});
      console.log('leads');
    `;
    const args = [...typescriptExecArgv(), '--input-type=module', '-e', script];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    await Promise.race([once(child.stdout, 'data'), ended]);
    if (child.exitCode !== null) throw new Error('the leader did not start');
    return {
      kill: async () => {
        child.kill('SIGKILL');
        await ended;
      },
    };
  }

  it('a standby decides within 5 s; nothing acknowledged is lost, and places in the queue stay', async () => {
    const database = await server.createDatabase();
    const parts = { database, broker: broker.url, scheduling: SCHEDULING };
    const first = await leader({ ...parts, holder: 'first' });
    const client = new CommandClient(await rabbitClient({ url: broker.url, name: 'client' }, 'gatekeeper'));
    const position = async (kernelId: KernelId): Promise<number | undefined> =>
      (await client.send(GatekeeperCommands.explainKernel, { kernelId }))?.position;
    const early = Array.from({ length: 20 }, () => aSubmission());
    for (const submission of early) await client.send(GatekeeperCommands.submitKernel, submission);
    const before = await Promise.all(early.map(({ id }) => position(id)));
    expect(before.at(-1)).toBe(17);
    const starting = ScaleOutGatekeeper.start({ ...parts, holder: 'standby' });

    const acknowledged: string[] = [];
    let killed = false;
    const flood = Promise.all(
      Array.from({ length: 20 }, async () => {
        while (!killed) {
          const submission = aSubmission();
          await client.send(GatekeeperCommands.submitKernel, submission).then(
            ({ id }) => acknowledged.push(id),
            (error: unknown) => expect(error).toMatchObject({ code: 'unavailable' }),
          );
        }
      }),
    );
    await eventually('200 acknowledged', () => (acknowledged.length >= 200 ? true : undefined));
    await first.kill();
    const killedAt = Date.now();
    const standby = await starting;
    await client.send(GatekeeperCommands.explainKernel, { kernelId: early[0]?.id as KernelId });
    const tookMs = Date.now() - killedAt;
    killed = true;
    await flood;
    say(`${acknowledged.length} acknowledged; the standby answered ${tookMs} ms after the kill`);
    expect(tookMs).toBeLessThan(5_000);
    const rows = new Set((await server.query('select id from kernels', database)).map(({ id }) => id));
    expect(acknowledged.filter((id) => !rows.has(id))).toEqual([]);
    expect(await Promise.all(early.map(({ id }) => position(id)))).toEqual(before);
    await client.close();
    await standby.stop();
  }, 120_000);
});
