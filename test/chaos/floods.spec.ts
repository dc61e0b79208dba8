import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { NumberedClient } from '../support/numbered-client.js';
import { eventually } from '../support/processes.js';
import { createKernel, getKernel, inPhase } from '../support/v1.js';

const FLOOD = "for n in range(5000): print(f'{n:04}' + 'x' * 995)";

describe('output that nobody takes', () => {
  let beamgate: Beamgate;

  beforeAll(async () => {
    const channels = { ringBytes: 1024 ** 2, retentionSeconds: 2 };
    beamgate = await Beamgate.start({ config: { channels }, logName: 'chaos-floods' });
  }, 60_000);
  afterAll(() => beamgate.stop(), 30_000);

  const idle = (id: string) =>
    eventually(`kernel ${id} is idle`, async () => {
      const { executionState } = await getKernel(beamgate, id);
      return executionState === 'idle' ? true : undefined;
    });

  it.each(['v1', 'legacy'] as const)(
    'is dropped beyond channels.ringBytes, and a %s client is told',
    async (framing) => {
      const { id } = await createKernel(beamgate);
      await inPhase(beamgate, id, 'ready');
      const first = await ChannelClient.open(beamgate, id, { framing });
      const started = first.next(({ header }) => header['msg_type'] === 'execute_input');
      first.send('shell', 'execute_request', { code: FLOOD, silent: false });
      await started;
      await first.close();
      await idle(id);
      const back = await ChannelClient.open(beamgate, id, { framing, session: first.session });
      const notice = await back.next(({ content }) => content['name'] === 'stderr');
      expect(notice.content['text']).toMatch(/^Beamgate: \d+ messages \(\d+ bytes\) of output were dropped here/);
      await back.next(({ content }) => String(content['text'] ?? '').includes('4999xxx'));
      await back.next(({ channel }) => channel === 'shell');
      await back.close();
    },
    60_000,
  );

  it('is there for a new session that asks for what is held, and no longer after channels.retentionSeconds', async () => {
    const { id } = await createKernel(beamgate);
    await inPhase(beamgate, id, 'ready');
    const gone = new NumberedClient(beamgate, id);
    await gone.connect();
    await gone.done(gone.execute('1'));
    gone.execute("print('while away')");
    await gone.close();
    const late = await ChannelClient.open(beamgate, id, { query: { seen: '0' } });
    await late.next(({ content }) => content['text'] === 'while away\n');
    await late.close();
    await eventually('the session is forgotten', async () => {
      const look = new NumberedClient(beamgate, id);
      const { first, last } = await look.connect();
      await look.close();
      return first > last ? true : undefined;
    });
    const { inputLast } = await gone.connect();
    expect(inputLast).toBe(0);
    expect(gone.events.filter(({ event }) => event === 'dropped').length).toBeLessThanOrEqual(1);
    await gone.close();
  }, 60_000);
});
