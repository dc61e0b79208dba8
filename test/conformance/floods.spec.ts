import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient, startKernel } from '../support/channel-client.js';
import { agentRecord } from '../support/processes.js';
import { say } from '../support/say.js';
import { Scope } from '../support/scope.js';

/** BEAMGATE_FULL=1: 500 MB of prints, 40,000 displays, 500 buffers of 1 MB. */
const FULL = process.env['BEAMGATE_FULL'] === '1';
const [MEGABYTES, DISPLAYS, BUFFERS] = FULL ? [500, 40_000, 500] : [50, 4000, 50];
const RING_BYTES = 16 * 1024 * 1024;
/** Over what the process had before: the ring, a few copies of the largest message, what Python keeps. */
const BOUND_BYTES = RING_BYTES + 64 * 1024 * 1024;
/** IPython itself keeps all that a cell prints, for %notebook. */
const PRINTED_BYTES = MEGABYTES * 1_000_000;
jest.setTimeout(FULL ? 600_000 : 120_000);

const prints = `for number in range(${MEGABYTES}): print(f'#{number:06d}', 'x' * 999_990)`;
const displays = `from IPython.display import display
for number in range(${DISPLAYS}): display({'text/plain': f'#{number:06d}' + 'x' * 1000}, raw=True)`;
const buffers = `import os
from comm import create_comm
flood = create_comm('flood')
for number in range(${BUFFERS}): flood.send({'number': number}, buffers=[os.urandom(1_000_000)])`;

const peakOf = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

describe('a flood of output', () => {
  const scope = new Scope();
  let beamgate: Beamgate;

  beforeAll(async () => {
    beamgate = scope.use(await Beamgate.start({ config: { channels: { ringBytes: RING_BYTES } } }), (one) =>
      one.stop(),
    );
  });

  async function kernel() {
    const { id } = await startKernel(beamgate, 'python3');
    const client = scope.use(await ChannelClient.open(beamgate, id), (one) => one.socket.terminate());
    await client.execute('None');
    const { pid, kernelPid } = agentRecord(beamgate.data, id);
    const before = { agent: peakOf(pid), kernel: peakOf(kernelPid) };
    /** Bytes more than before the flood, at the worst moment. */
    const grown = () => ({ agent: peakOf(pid) - before.agent, kernel: peakOf(kernelPid) - before.kernel });
    return { id, client, grown };
  }

  const told = (what: string, { agent, kernel: own }: { agent: number; kernel: number }): void =>
    say(`${what}: agent + ${(agent / 1e6).toFixed(0)} MB, kernel + ${(own / 1e6).toFixed(0)} MB`);

  const numbers = (client: ChannelClient): number[] =>
    client.received.flatMap(({ content, header }) => {
      const text = String(content['text'] ?? (content['data'] as Record<string, string>)?.['text/plain'] ?? '');
      if (header['msg_type'] === 'comm_msg') return [Number((content['data'] as Record<string, unknown>)['number'])];
      return [...text.matchAll(/#(\d{6})/g)].map(([, number]) => Number(number));
    });
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

  it.each([
    ['prints', prints, MEGABYTES],
    ['displays', displays, DISPLAYS],
    ['buffers', buffers, BUFFERS],
  ])('of %s arrives whole at a client that reads', async (what, code, count) => {
    const { client, grown } = await kernel();
    const sent = client.execute(code);
    expect((await sent).reply.content['status']).toBe('ok');
    told(`${what}, attached`, grown());
    expect(numbers(client)).toEqual(upTo(count));
    expect(grown().agent).toBeLessThan(BOUND_BYTES);
    expect(grown().kernel).toBeLessThan(BOUND_BYTES + (what === 'prints' ? PRINTED_BYTES : 0));
  });

  it('of prints that nobody reads loses the oldest text alone, and says so', async () => {
    const { id, client, grown } = await kernel();
    const request = client.send('shell', 'execute_request', { code: `${prints}\n'the value'`, silent: false });
    await client.next(({ content }) => content['execution_state'] === 'busy');
    client.socket.terminate();
    await client.closed;
    const back = scope.use(await ChannelClient.open(beamgate, id, { session: client.session }), (one) =>
      one.socket.terminate(),
    );
    const mine = ({ parent_header }: { parent_header: Record<string, unknown> }) => parent_header['msg_id'] === request;
    const [reply] = await Promise.all([
      back.next((message) => message.channel === 'shell' && mine(message)),
      back.next((message) => message.content['execution_state'] === 'idle' && mine(message)),
    ]);
    expect(reply.content['status']).toBe('ok');
    told('prints, away', grown());
    expect(back.received.some(({ header }) => header['msg_type'] === 'execute_result')).toBe(true);
    expect(numbers(back).at(-1)).toBe(MEGABYTES - 1);
    expect(grown().agent).toBeLessThan(BOUND_BYTES);
    expect(grown().kernel).toBeLessThan(BOUND_BYTES + PRINTED_BYTES);
  });

  it('can be interrupted while the kernel waits for a client that does not read', async () => {
    const { id, client } = await kernel();
    const code = `while True: print('x' * 1_000_000)`;
    const done = client.execute(code);
    await client.next(({ header }) => header['msg_type'] === 'stream');
    client.socket.pause();
    const answer = await fetch(`${beamgate.url}/api/kernels/${id}/interrupt`, {
      method: 'POST',
      headers: { authorization: `Bearer ${beamgate.token}` },
    });
    expect(answer.status).toBe(204);
    client.socket.resume();
    expect((await done).reply.content).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
    expect((await client.execute('print(1)')).text).toBe('1\n');
  });
});
