import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { NumberedClient } from '../support/numbered-client.js';
import { eventually } from '../support/processes.js';
import { createKernel, inPhase } from '../support/v1.js';
import type { Received } from '../support/wire.js';

/** Prints once the file is there, and makes another then: `go`, `gone`. */
const flood = (file: string): string =>
  [
    'import os, time',
    `while not os.path.exists('${file}'): time.sleep(0.01)`,
    "for n in range(5000): print(f'{n:04}' + 'x' * 995)",
    `open('${file}ne', 'w').close()`,
  ].join('\n');

/** Come already or still to come. */
const arrived = async (client: ChannelClient, wanted: (message: Received) => boolean): Promise<Received> =>
  client.received.find(wanted) ?? client.next(wanted);

describe('output that nobody takes', () => {
  const started: Beamgate[] = [];
  const serve = async (channels: object) => {
    const beamgate = await Beamgate.start({ config: { channels }, logName: 'chaos-floods' });
    started.push(beamgate);
    return beamgate;
  };
  afterAll(() => Promise.all(started.map((beamgate) => beamgate.stop())), 30_000);

  it.each(['v1', 'legacy'] as const)(
    'is dropped beyond channels.ringBytes, and a %s client is told',
    async (framing) => {
      const beamgate = await serve({ ringBytes: 1024 ** 2 });
      const { id } = await createKernel(beamgate);
      await inPhase(beamgate, id, 'ready');
      const first = await ChannelClient.open(beamgate, id, { framing });
      const file = join(beamgate.data, 'go');
      const begun = first.next(({ header }) => header['msg_type'] === 'execute_input');
      first.send('shell', 'execute_request', { code: flood(file), silent: false });
      await begun;
      await first.close();
      writeFileSync(file, '');
      await eventually('all is printed', () => existsSync(`${file}ne`) || undefined);
      const back = await ChannelClient.open(beamgate, id, { framing, session: first.session });
      const notice = await arrived(back, ({ content }) => content['name'] === 'stderr');
      expect(notice.content['text']).toMatch(/^Beamgate: \d+ messages \(\d+ bytes\) of output were dropped here/);
      await arrived(back, ({ content }) => String(content['text'] ?? '').includes('4999xxx'));
      await arrived(back, ({ channel }) => channel === 'shell');
      await back.close();
    },
    60_000,
  );

  it('is there for a new session that asks for what is held, and no longer after channels.retentionSeconds', async () => {
    const beamgate = await serve({ retentionSeconds: 1 });
    const { id } = await createKernel(beamgate);
    await inPhase(beamgate, id, 'ready');
    const gone = new NumberedClient(beamgate, id);
    await gone.connect();
    await gone.done(gone.execute('1'));
    gone.execute("print('while away')");
    await gone.close();
    const late = await ChannelClient.open(beamgate, id, { query: { seen: '0' } });
    await arrived(late, ({ content }) => content['text'] === 'while away\n');
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
