import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { cell, Lab, run } from '../support/lab.js';
import { linesOf, numberedLines, printingCell } from '../support/lines.js';
import { NotebookServer } from '../support/notebook-server.js';
import { NumberedClient } from '../support/numbered-client.js';
import { say } from '../support/say.js';
import { Seeded } from '../support/seeded.js';
import { createKernel, endKernel, inPhase } from '../support/v1.js';
import type { Received } from '../support/wire.js';

const LINES = 200;
/**
 * Messages that come again at most: 64 that a stock notebook server had not confirmed, and the 32 of a confirmation that the
 * service had not passed on.
 */
const WINDOW = 64 + 32;

describe('kill -9 of the service while a cell prints', () => {
  const random = new Seeded();
  let beamgate: Beamgate;

  beforeAll(async () => {
    beamgate = await Beamgate.start({ logName: 'chaos-service-killed' });
  }, 60_000);
  afterAll(() => beamgate.stop(), 30_000);

  it('a client that states what it saw has each line once, in order, and the reply', async () => {
    const { id } = await createKernel(beamgate);
    await inPhase(beamgate, id, 'ready');
    const client = new NumberedClient(beamgate, id);
    await client.connect();
    for (const kills of [1, 1, 1, 1, 2, 3]) {
      const at = Array.from({ length: kills }, () => random.between(0, LINES - 1)).sort((one, other) => one - other);
      const request = client.execute(printingCell(LINES));
      for (const line of at) {
        await client.until(() => linesOf(client.printed(request)).length > line);
        await beamgate.kill();
        await client.closed;
        await beamgate.startAgain();
        await client.connect();
      }
      const reply = await client.done(request);
      say(`seed ${random.seed}: killed at lines ${at}, ${linesOf(client.printed(request)).length} lines`);
      expect(linesOf(client.printed(request))).toEqual(numberedLines(LINES));
      expect(reply.content['status']).toBe('ok');
      const replies = client.received.filter(
        ({ message }) => message.channel === 'shell' && message.parent_header['msg_id'] === request,
      );
      expect(replies).toHaveLength(1);
    }
    const numbers = client.received.map(({ number }) => number).filter((number) => number > 0);
    expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
    expect(new Set(client.epochs).size).toBe(1);
    await client.close();
    await endKernel(beamgate, id);
  }, 180_000);

  it('a cell sent and not yet taken when the service dies runs once', async () => {
    const { id } = await createKernel(beamgate);
    await inPhase(beamgate, id, 'ready');
    const client = new NumberedClient(beamgate, id);
    await client.connect();
    await client.done(client.execute('runs = 0'));
    for (let round = 1; round <= 3; round += 1) {
      const request = client.execute('runs += 1\nprint(runs)');
      await beamgate.kill();
      await client.closed;
      await beamgate.startAgain();
      await client.connect();
      await client.done(request);
      expect(client.printed(request)).toBe(`${round}\n`);
    }
    await client.close();
    await endKernel(beamgate, id);
  }, 60_000);

  it('a client that stopped reading gets what the service had taken from the kernel for it', async () => {
    const { id } = await createKernel(beamgate);
    await inPhase(beamgate, id, 'ready');
    const slow = await ChannelClient.open(beamgate, id);
    const watcher = await ChannelClient.open(beamgate, id);
    slow.socket.pause();
    // What print writes in two pieces may come in two messages.
    const printed = watcher.next(({ content }) => String(content['text'] ?? '').includes('the end'));
    const request = slow.send('shell', 'execute_request', {
      code: `for number in range(${LINES}): print(f'line {number}', 'x' * 150_000, flush=True)\nprint('the end', flush=True)`,
      silent: false,
    });
    await printed;
    const closed = slow.closed;
    await beamgate.kill();
    slow.socket.resume();
    await closed;
    await beamgate.startAgain();
    const again = await ChannelClient.open(beamgate, id, { session: slow.session });
    const mine = ({ parent_header }: Received) => parent_header['msg_id'] === request;
    // They travel on two channels: the reply may be there before the last output, idle is not.
    const [reply] = await Promise.all([
      again.next((message) => message.channel === 'shell' && mine(message)),
      again.next((message) => message.content['execution_state'] === 'idle' && mine(message)),
    ]);
    expect(reply.content['status']).toBe('ok');
    const lines = [slow, again].map(({ received }) =>
      received.flatMap(({ content }) => /line \d+/.exec(String(content['text'] ?? ''))?.[0] ?? []),
    );
    say(`${lines[0]?.length} lines before the kill, ${lines[1]?.length} after it`);
    expect([...new Set(lines.flat())]).toEqual(numberedLines(LINES));
    await Promise.all([again.close(), endKernel(beamgate, id)]);
  }, 60_000);

  it('a stock notebook server has every line and the reply; repeats stay within the unconfirmed window', async () => {
    const server = await NotebookServer.start({ gateway: beamgate });
    const lab = new Lab(server);
    try {
      const kernel = await lab.open('killed.ipynb');
      await run(kernel, 'before = 41');
      for (let round = 1; round <= 3; round += 1) {
        const line = random.between(0, LINES - 1);
        const sent = cell(kernel, printingCell(LINES));
        await sent.until(({ text }) => linesOf(text).length > line);
        await beamgate.kill();
        await beamgate.startAgain();
        const reply = await sent.done;
        const received = sent.of('stream').map(({ header }) => header.msg_id);
        const all = sent.messages.map(({ header }) => header.msg_id);
        const repeats = all.length - new Set(all).size;
        say(
          `seed ${random.seed}: killed at line ${line}, ${received.length} stream messages, ${repeats} of all repeated`,
        );
        expect(reply.status).toBe('ok');
        expect(linesOf(sent.textOnce)).toEqual(numberedLines(LINES));
        expect(repeats).toBeLessThanOrEqual(WINDOW);
        const [result] = sent.of('execute_result');
        expect(result?.content).toMatchObject({ data: { 'text/plain': "'returned'" } });
      }
      expect(await run(kernel, 'print(before + 1)')).toBe('42\n');
    } finally {
      lab.dispose();
      await server.stop();
    }
  }, 180_000);
});
