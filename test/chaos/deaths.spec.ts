import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { isOf, NumberedClient } from '../support/numbered-client.js';
import { agentRecord, eventually, processesWith, watchEnd } from '../support/processes.js';
import { say } from '../support/say.js';
import { createKernel, endKernel, getKernel, inPhase, v1 } from '../support/v1.js';

const MiB = 1024 ** 2;
const WITHIN_MS = 2000;

/** How a kernel or its agent dies: what the cell does, or what is done to it from outside while the cell runs. */
interface Death {
  how: string;
  cell: string;
  strike?: (record: { pid: number; kernelPid: number }) => void;
  /** Whose end is the fact that is told. */
  victim: 'pid' | 'kernelPid';
  endReason: string;
  told: RegExp;
}

const asleep = "print('running', flush=True)\nimport time\ntime.sleep(600)";

const deaths: Death[] = [
  {
    how: 'an agent is killed',
    cell: asleep,
    strike: ({ pid }) => process.kill(pid, 'SIGKILL'),
    victim: 'pid',
    endReason: 'node-lost',
    told: /agent that ran it is gone/,
  },
  {
    how: 'a kernel is killed from outside',
    cell: asleep,
    strike: ({ kernelPid }) => process.kill(kernelPid, 'SIGKILL'),
    victim: 'kernelPid',
    endReason: 'crashed',
    told: /crashed/,
  },
  {
    how: 'a kernel kills itself',
    cell: 'import os\nos.kill(os.getpid(), 9)',
    victim: 'kernelPid',
    endReason: 'crashed',
    told: /crashed/,
  },
  {
    how: 'a kernel makes a segmentation fault',
    cell: 'import ctypes\nctypes.string_at(0)',
    victim: 'kernelPid',
    endReason: 'crashed',
    told: /crashed/,
  },
];
const greedy: Death = {
  how: 'a kernel takes more memory than it may',
  cell: 'hoard = []\nwhile True: hoard.append(bytearray(8 * 1024 * 1024))',
  victim: 'kernelPid',
  endReason: 'out-of-memory',
  told: /more memory than it may/,
};

const profiles = {
  small: {
    requests: { cpuMilli: 100, memoryBytes: 64 * MiB },
    limits: { cpuMilli: null, memoryBytes: 300 * MiB },
  },
};

describe.each([true, false])('with cgroups %s', (cgroups) => {
  let beamgate: Beamgate;

  beforeAll(async () => {
    const kernels = { cgroups, autorestart: false };
    beamgate = await Beamgate.start({ config: { profiles, kernels }, logName: `chaos-deaths-${cgroups}` });
  }, 60_000);
  afterAll(() => beamgate.stop(), 30_000);

  it.each(cgroups ? [...deaths, greedy] : [greedy])(
    '$how: the right reason within 2 s, and a restart works',
    async ({ cell, strike, victim, endReason, told }) => {
      const { id } = await createKernel(beamgate);
      await inPhase(beamgate, id, 'ready');
      const client = new NumberedClient(beamgate, id);
      await client.connect();
      await client.done(client.execute('kept = 1'));
      const record = agentRecord(beamgate.data, id);
      const { ended } = await watchEnd(record[victim]);
      const request = client.execute(cell);
      if (strike) {
        await client.until((one) => isOf(one, request) && client.printed(request) === 'running\n');
        strike(record);
      }

      const fact = await ended;
      const reply = await client.until((one) => one.message.channel === 'shell' && isOf(one, request));
      const dead = await client.until(({ message }) => message.content['execution_state'] === 'dead');
      say(`${endReason}: cell answered after ${reply.at - fact} ms, dead after ${dead.at - fact} ms`);
      expect(reply.message.content).toMatchObject({ status: 'error', evalue: expect.stringMatching(told) });
      const error = client.received.find((one) => isOf(one, request) && one.message.header['msg_type'] === 'error');
      expect(error?.message.content['evalue']).toMatch(told);
      expect(Math.max(reply.at, dead.at) - fact).toBeLessThan(WITHIN_MS);
      expect(await getKernel(beamgate, id)).toMatchObject({ phase: 'ended', executionState: 'dead', endReason });

      const again = client.welcomed();
      await v1(beamgate, `/v1/kernels/${id}/restart`, { method: 'POST' });
      await again;
      const after = client.execute("print('kept' in globals())");
      expect((await client.done(after)).content['status']).toBe('ok');
      expect(client.printed(after)).toBe('False\n');
      await inPhase(beamgate, id, 'ready');
      expect(processesWith(`KERNEL_ID=${id}`)).not.toContain(record.kernelPid);
      await client.close();
      await endKernel(beamgate, id);
    },
    90_000,
  );
});

describe('after a death', () => {
  let beamgate: Beamgate;

  beforeAll(async () => {
    const config = { kernels: { autorestart: false } };
    beamgate = await Beamgate.start({ config, logName: 'chaos-deaths-after' });
  }, 60_000);
  afterAll(() => beamgate.stop(), 30_000);

  it.each(['pid', 'kernelPid'] as const)(
    'a cell sent as soon as the restart is answered runs (%s killed)',
    async (victim) => {
      const { id } = await createKernel(beamgate);
      await inPhase(beamgate, id, 'ready');
      const client = await ChannelClient.open(beamgate, id);
      const dead = client.next(({ content }) => content['execution_state'] === 'dead');
      process.kill(agentRecord(beamgate.data, id)[victim], 'SIGKILL');
      await dead;
      await v1(beamgate, `/v1/kernels/${id}/restart`, { method: 'POST' });
      const { reply, text } = await client.execute('print(6 * 7)');
      expect(reply.content['status']).toBe('ok');
      expect(text).toBe('42\n');
      await client.close();
      await endKernel(beamgate, id);
    },
    60_000,
  );
});

describe('with autorestart', () => {
  let beamgate: Beamgate;

  beforeAll(async () => {
    beamgate = await Beamgate.start({ config: { profiles }, logName: 'chaos-deaths-restarted' });
  }, 60_000);
  afterAll(() => beamgate.stop(), 30_000);

  it.each([...deaths.filter(({ victim }) => victim === 'kernelPid'), greedy])(
    '$how: the cell says why, and the kernel is there again without its variables',
    async ({ cell, strike, victim, endReason }) => {
      const { id } = await createKernel(beamgate);
      await inPhase(beamgate, id, 'ready');
      const client = new NumberedClient(beamgate, id);
      await client.connect();
      await client.done(client.execute('kept = 1'));
      const record = agentRecord(beamgate.data, id);
      const { ended } = await watchEnd(record[victim]);
      const request = client.execute(cell);
      if (strike) {
        await client.until((one) => isOf(one, request) && client.printed(request) === 'running\n');
        strike(record);
      }
      const fact = await ended;
      const reply = await client.until((one) => one.message.channel === 'shell' && isOf(one, request));
      const restarting = await client.until(({ message }) => message.content['execution_state'] === 'restarting');
      say(`${endReason}: cell answered after ${reply.at - fact} ms, restarting told after ${restarting.at - fact} ms`);
      expect(reply.message.content).toMatchObject({ ename: 'KernelDied' });
      expect(reply.message.content['evalue']).toMatch(/The kernel was ended.*started again; its variables are lost\./);
      expect(Math.max(reply.at, restarting.at) - fact).toBeLessThan(WITHIN_MS);
      expect(client.received.indexOf(reply)).toBeLessThan(client.received.indexOf(restarting));

      const after = client.execute("print('kept' in globals())");
      expect((await client.done(after)).content['status']).toBe('ok');
      expect(client.printed(after)).toBe('False\n');
      await eventually('it shows as alive', async () =>
        (await getKernel(beamgate, id)).executionState === 'idle' ? true : undefined,
      );
      expect(await getKernel(beamgate, id)).toMatchObject({ phase: 'ready', endReason: null, detail: '' });
      expect(agentRecord(beamgate.data, id).pid).toBe(record.pid);
      await client.close();
      await endKernel(beamgate, id);
    },
    90_000,
  );

  it('a kernel that dies at once again and again ends', async () => {
    const { id } = await createKernel(beamgate);
    await inPhase(beamgate, id, 'ready');
    const client = await ChannelClient.open(beamgate, id);
    const states: unknown[] = [];
    client.on('message', ({ content }) => states.push(content['execution_state']));
    const code = 'import os\nos.kill(os.getpid(), 9)';
    for (let phase = 'ready'; phase !== 'ended'; ) {
      // Each is answered, also one that comes before the kernel is there again and goes the way of its last process.
      await client.request('shell', 'execute_request', { code, silent: false });
      const after = async () => {
        const kernel = await getKernel(beamgate, id);
        return kernel.phase === 'ended' || kernel.executionState === 'idle' ? kernel : undefined;
      };
      ({ phase } = await eventually('it is there again, or ended', after));
    }
    expect(states.filter((state) => state === 'restarting')).toHaveLength(5);
    expect(await getKernel(beamgate, id)).toMatchObject({ phase: 'ended', endReason: 'crashed' });
  }, 90_000);
});
