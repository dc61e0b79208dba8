import { CommandClient, EXCHANGES, queueOf, rabbitClient } from '#libs/bus';
import { GatekeeperCommands, type KernelId, LauncherFacts } from '#libs/contracts';
import { aSubmission } from '#libs/testing';
import { PostgresServer } from '../support/postgres-server.js';
import { eventually } from '../support/processes.js';
import { RabbitServer } from '../support/rabbit-server.js';
import { ScaleOutGatekeeper } from '../support/scale-out-gatekeeper.js';

const ENDPOINT = { socket: '/s', clientToken: 'c', controlToken: 'k' };
const EXIT = { incarnation: null, code: 1, signal: null, outOfMemory: false, agentLost: false };

describe('a gatekeeper on PostgreSQL and RabbitMQ', () => {
  let server: PostgresServer;
  let broker: RabbitServer;
  let database: string;
  let client: CommandClient;
  let gatekeeper: ScaleOutGatekeeper;

  beforeAll(async () => {
    [server, broker] = await Promise.all([PostgresServer.start(), RabbitServer.start()]);
  }, 120_000);
  beforeEach(async () => {
    database = await server.createDatabase();
    client = new CommandClient(await rabbitClient({ url: broker.url, name: 'client' }, 'gatekeeper'));
    gatekeeper = await ScaleOutGatekeeper.start({ database, broker: broker.url });
  });
  afterEach(async () => {
    await gatekeeper.stop();
    await client.close();
    await broker.reset();
  });
  afterAll(async () => {
    await server.remove();
    await broker.remove();
  });

  /** As the broker would deliver it again: the same id. */
  const deliver = (pattern: string, data: object, messageId: string): Promise<void> =>
    broker.withChannel(async (channel) => {
      const content = Buffer.from(JSON.stringify({ pattern, data }));
      channel.publish(EXCHANGES.services, 'gatekeeper', content, { messageId, persistent: true });
      await channel.waitForConfirms();
    });
  const takenUp = (): Promise<true> =>
    eventually('everything is taken up', async () => {
      // Unacknowledged messages do not count: one that comes after them is answered after them.
      await client.send(GatekeeperCommands.explainKernel, { kernelId: aSubmission().id });
      return (await broker.count(queueOf('gatekeeper'))) === 0 ? true : undefined;
    });
  const ready = async (kernelId: KernelId): Promise<void> => {
    await gatekeeper.launcher.commands.until(({ name, kernelId: id }) => name === 'launch' && id === kernelId);
    await client.emit(LauncherFacts.agentUp, { kernelId, endpoint: ENDPOINT });
    await client.emit(LauncherFacts.kernelReady, { kernelId, incarnation: 1 });
    await gatekeeper.gateways.kernel(kernelId, { phase: 'ready' });
  };

  it('brings a kernel from its submission to its end', async () => {
    const submission = aSubmission();
    const kernel = await client.send(GatekeeperCommands.submitKernel, submission);
    expect(kernel).toMatchObject({ id: submission.id, owner: 'ada' });
    await ready(kernel.id);
    await client.send(GatekeeperCommands.stopKernel, { kernelId: kernel.id, reason: 'shut-down', detail: '' });
    await client.emit(LauncherFacts.kernelExited, { kernelId: kernel.id, ...EXIT, code: 0 });
    await gatekeeper.gateways.kernel(kernel.id, { phase: 'ended', endReason: 'shut-down' });
    expect(gatekeeper.launcher.told(kernel.id)).toEqual(['launch', 'stop']);
  });

  it('restarts a kernel once for one death, though the fact comes again after the gatekeeper was replaced', async () => {
    const { id: kernelId } = await client.send(GatekeeperCommands.submitKernel, aSubmission());
    await ready(kernelId);
    await deliver(LauncherFacts.kernelExited.pattern, { kernelId, ...EXIT }, 'one death');
    await gatekeeper.launcher.commands.until(({ name }) => name === 'restart');
    await client.emit(LauncherFacts.kernelReady, { kernelId, incarnation: 1 });
    await gatekeeper.gateways.kernel(kernelId, { executionState: 'idle' });

    await gatekeeper.stop();
    gatekeeper = await ScaleOutGatekeeper.start({ database, broker: broker.url });
    await deliver(LauncherFacts.kernelExited.pattern, { kernelId, ...EXIT }, 'one death');
    await takenUp();
    expect(gatekeeper.launcher.told(kernelId)).toEqual([]);
    await deliver(LauncherFacts.kernelExited.pattern, { kernelId, ...EXIT }, 'another death');
    await gatekeeper.launcher.commands.until(({ name }) => name === 'restart');
    expect(gatekeeper.launcher.told(kernelId)).toEqual(['restart']);
  });

  it('is replaced by the one that stands by, which knows every kernel that was acknowledged', async () => {
    const submissions = Array.from({ length: 50 }, () => aSubmission());
    const submitted = submissions.map((submission) => client.send(GatekeeperCommands.submitKernel, submission));
    const standby = ScaleOutGatekeeper.start({ database, broker: broker.url, holder: 'standby' });
    await Promise.all(submitted);
    await gatekeeper.stop();
    gatekeeper = await standby;
    const rows = await server.query('select id from kernels', database);
    expect(rows.map(({ id }) => id).toSorted()).toEqual(submissions.map(({ id }) => id as string).toSorted());
    const again = await client.send(GatekeeperCommands.submitKernel, submissions[0] as never);
    expect(again.id).toBe(submissions[0]?.id);
  });
});
