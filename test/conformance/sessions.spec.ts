import { jest } from '@jest/globals';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient, startKernel } from '../support/channel-client.js';
import { Scope } from '../support/scope.js';

jest.setTimeout(60_000);

describe('sessions of one kernel', () => {
  const scope = new Scope();
  let beamgate: Beamgate;
  let id: string;

  beforeAll(async () => {
    beamgate = scope.use(await Beamgate.start(), (one) => one.stop());
    ({ id } = await startKernel(beamgate, 'python3'));
  });

  const open = async (options: Parameters<typeof ChannelClient.open>[2] = {}): Promise<ChannelClient> =>
    scope.use(await ChannelClient.open(beamgate, id, options), (one) => one.socket.terminate());

  it('live side by side: all see the output, each its own replies', async () => {
    const [one, other] = await Promise.all([open(), open()]);
    if (!one || !other) throw new Error('two sockets are open');
    const heard = other.next(({ content }) => content['text'] === 'from one\n');
    const { reply } = await one.execute("print('from one')");
    await heard;
    await other.execute('None');
    expect(
      other.received.filter(({ parent_header }) => parent_header['msg_id'] === reply.parent_header['msg_id']),
    ).toEqual(expect.not.arrayContaining([expect.objectContaining({ channel: 'shell' })]));
  });

  it('resume where they were, in whatever framing, also what was sent while they were away', async () => {
    const first = await open({ framing: 'legacy' });
    await first.execute('None');
    const done = first.send('shell', 'execute_request', {
      code: "import time; time.sleep(0.3); print('late')",
      silent: false,
    });
    await first.next(({ content }) => content['execution_state'] === 'busy');
    first.socket.terminate();
    const back = await open({ session: first.session });
    const mine = ({ parent_header }: { parent_header: Record<string, unknown> }) => parent_header['msg_id'] === done;
    await Promise.all([
      back.next((message) => message.channel === 'shell' && mine(message)),
      back.next((message) => message.content['execution_state'] === 'idle' && mine(message)),
    ]);
    expect(back.received.some(({ content }) => content['text'] === 'late\n')).toBe(true);
  });

  it('that are new start at the present, or with what is held where they ask for it by seen=0', async () => {
    const away = await open({ confirming: false });
    await away.execute("print('held')");
    const [present, past] = await Promise.all([open(), open({ query: { seen: '0' } })]);
    if (!present || !past) throw new Error('two sockets are open');
    const replayed = past.received.find(({ content }) => content['text'] === 'held\n');
    if (replayed === undefined) await past.next(({ content }) => content['text'] === 'held\n');
    await present.execute('None');
    expect(present.received.some(({ content }) => content['text'] === 'held\n')).toBe(false);
  });
});
