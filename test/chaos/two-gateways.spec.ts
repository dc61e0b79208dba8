import { Beamgate } from '../support/beamgate.js';
import { GatewayProcess } from '../support/gateway-process.js';
import { linesOf, numberedLines, printingCell } from '../support/lines.js';
import { isOf, NumberedClient } from '../support/numbered-client.js';
import { createKernel, inPhase } from '../support/v1.js';

const LINES = 100;

describe('one kernel behind two gateways', () => {
  let beamgate: Beamgate;
  let other: GatewayProcess;
  let id: string;

  beforeAll(async () => {
    beamgate = await Beamgate.start({ logName: 'chaos-two-gateways' });
    ({ id } = await createKernel(beamgate));
    await inPhase(beamgate, id, 'ready');
    other = await GatewayProcess.start(beamgate, id);
  }, 120_000);
  afterAll(async () => {
    await other?.stop();
    await beamgate?.stop();
  }, 30_000);

  it('shows each client the same, and gives replies to who asked', async () => {
    const [one, two] = [new NumberedClient(beamgate, id), new NumberedClient(other, id)];
    await one.connect();
    await two.connect();
    const request = two.execute(printingCell(5, 0));
    await two.done(request);
    await one.until((message) => isOf(message, request) && message.message.content['execution_state'] === 'idle');
    expect(linesOf(one.printed(request))).toEqual(numberedLines(5));
    expect(one.received.some(({ message }) => message.channel === 'shell')).toBe(false);
    await Promise.all([one.close(), two.close()]);
  });

  it('killed one, the other goes on, and the session of the dead one resumes through it with nothing lost', async () => {
    const [one, two] = [new NumberedClient(beamgate, id), new NumberedClient(other, id)];
    await one.connect();
    await two.connect();
    const request = two.execute(printingCell(LINES));
    await two.until(() => linesOf(two.printed(request)).length > LINES / 4);
    await other.kill();
    await two.closed;
    await two.connect(beamgate);
    const reply = await two.done(request);
    expect(reply.content['status']).toBe('ok');
    expect(linesOf(two.printed(request))).toEqual(numberedLines(LINES));
    await one.until((message) => isOf(message, request) && message.message.content['execution_state'] === 'idle');
    expect(linesOf(one.printed(request))).toEqual(numberedLines(LINES));
    await Promise.all([one.close(), two.close()]);
    await other.startAgain();
  });

  it('killed the service, a session goes on through the gateway that is left', async () => {
    const [one, two] = [new NumberedClient(beamgate, id), new NumberedClient(other, id)];
    await one.connect();
    await two.connect();
    const request = one.execute(printingCell(LINES));
    await one.until(() => linesOf(one.printed(request)).length > LINES / 4);
    await beamgate.kill();
    await one.closed;
    await one.connect(other);
    await one.done(request);
    const more = one.execute("print('line 0')");
    await one.done(more);
    await beamgate.startAgain();
    for (const client of [one, two]) expect(linesOf(client.printed(request))).toEqual(numberedLines(LINES));
    expect(linesOf(one.printed(more))).toEqual(numberedLines(1));
    const replies = one.received.filter(({ message }) => message.channel === 'shell');
    expect(replies).toHaveLength(2);
    await Promise.all([one.close(), two.close()]);
  });
});
