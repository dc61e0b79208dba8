import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { say } from '../support/say.js';
import { createKernel, inPhase } from '../support/v1.js';

const STALLED_SECONDS = 2;
const MEGABYTES = 60;
/** Results are never dropped: a kernel whose output nobody takes has to wait. */
const FLOOD = `
from IPython.display import display
for number in range(${MEGABYTES}):
    display({'text/plain': f'{number} ' + 'x' * 1_000_000}, raw=True)
`;

describe('one of two clients of a kernel stops reading', () => {
  let beamgate: Beamgate;
  beforeAll(async () => {
    beamgate = await Beamgate.start({
      config: { channels: { stalledSeconds: STALLED_SECONDS, ringBytes: 16 * 1024 * 1024 } },
      logName: 'chaos-stalled',
    });
  }, 60_000);
  afterAll(() => beamgate.stop(), 30_000);

  it.each([
    ['and talks on', true],
    ['and falls silent', false],
  ])(
    '%s: it is let go, the other has everything, and it finds what is left when it comes back',
    async (_case, talks) => {
      const { id } = await createKernel(beamgate);
      await inPhase(beamgate, id, 'ready');
      const stalled = await ChannelClient.open(beamgate, id);
      const other = await ChannelClient.open(beamgate, id);
      await stalled.execute('kept = 1');
      stalled.socket.pause();
      const talking = setInterval(() => {
        if (talks) stalled.send('shell', 'kernel_info_request', {});
      }, 100);
      const began = performance.now();
      const { reply, outputs } = await other.execute(FLOOD);
      const took = (performance.now() - began) / 1000;
      clearInterval(talking);
      const shown = outputs.filter(({ header }) => header['msg_type'] === 'display_data');
      say(
        `the other waited ${took.toFixed(1)} s for ${MEGABYTES} MB, stalled clients are let go after ${STALLED_SECONDS} s`,
      );
      expect(reply.content['status']).toBe('ok');
      expect(shown).toHaveLength(MEGABYTES);
      const closed = stalled.closed;
      stalled.socket.resume();
      // Nobody reads, so the code may not arrive; it must not be one upon which clients stay away.
      expect([1006, 1013]).toContain(await closed);
      const again = await ChannelClient.open(beamgate, id, { session: stalled.session });
      // What was dropped meanwhile is told before it.
      expect((await again.execute('print(kept)')).text).toMatch(/^1$/m);
    },
    60_000,
  );

  it('and takes it slowly: it is kept, and has everything', async () => {
    const { id } = await createKernel(beamgate);
    await inPhase(beamgate, id, 'ready');
    const slow = await ChannelClient.open(beamgate, id);
    let closed = false;
    slow.once('close', () => {
      closed = true;
    });
    const done = slow.execute(FLOOD);
    // One message after another, each after half of the time in which it would count as stalled… five times over.
    const pausing = setInterval(
      () => {
        slow.socket.pause();
        setTimeout(() => slow.socket.resume(), 1000 * STALLED_SECONDS * 0.5);
      },
      1100 * STALLED_SECONDS * 0.5,
    );
    const { outputs } = await done;
    clearInterval(pausing);
    expect(closed).toBe(false);
    expect(outputs.filter(({ header }) => header['msg_type'] === 'display_data')).toHaveLength(MEGABYTES);
  }, 60_000);
});
