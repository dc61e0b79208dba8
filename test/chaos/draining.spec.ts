import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { remove } from '../support/gateway.js';
import { cell, Lab, run } from '../support/lab.js';
import { linesOf, numberedLines, printingCell } from '../support/lines.js';
import { NotebookServer } from '../support/notebook-server.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { eventually } from '../support/processes.js';
import { raw } from '../support/raw-http.js';
import { RawSocket } from '../support/raw-socket.js';
import { say } from '../support/say.js';
import { Scope } from '../support/scope.js';
import { Seeded } from '../support/seeded.js';
import { createKernel, getKernel, inPhase } from '../support/v1.js';

const LINES = 200;

describe('a service that is told to stop and leaves its kernels running', () => {
  const scope = new Scope();
  const specs = scope.use(offerNullKernel(), remove);
  const start = async (config: Record<string, unknown> = {}): Promise<Beamgate> =>
    scope.use(
      await Beamgate.start({
        config: { keepKernels: true, ...config },
        env: { JUPYTER_PATH: specs },
        logName: 'chaos-draining',
      }),
      (one) => one.stop(),
    );
  /** New connections are refused. */
  const drains = (beamgate: Beamgate) =>
    eventually('nobody is let in', () =>
      raw(beamgate, '/healthz').then(
        () => undefined,
        () => true,
      ),
    );

  it('costs a stock notebook server nothing: it comes back by itself, and each line of a cell arrives once', async () => {
    const random = new Seeded();
    const beamgate = await start();
    const server = scope.use(await NotebookServer.start({ gateway: beamgate }), (one) => one.stop());
    const lab = scope.use(new Lab(server), (one) => one.dispose());
    const kernel = await lab.open('drained.ipynb');
    await run(kernel, 'kept = 41');
    for (let round = 1; round <= 3; round += 1) {
      const line = random.between(0, LINES - 1);
      const sent = cell(kernel, printingCell(LINES));
      await sent.until(({ text }) => linesOf(text).length > line);
      expect(await beamgate.process.end('SIGTERM')).toBe(0);
      await beamgate.startAgain();
      expect((await sent.done).status).toBe('ok');
      const ids = sent.messages.map(({ header }) => header.msg_id);
      say(`seed ${random.seed}: stopped at line ${line}, ${ids.length - new Set(ids).size} messages repeated`);
      expect(linesOf(sent.text)).toEqual(numberedLines(LINES));
    }
    expect(await run(kernel, 'print(kept + 1)')).toBe('42\n');
  }, 120_000);

  it('takes what a client sends until it has closed', async () => {
    const beamgate = await start();
    const { id } = await createKernel(beamgate);
    await inPhase(beamgate, id, 'ready');
    const client = await ChannelClient.open(beamgate, id);
    await client.execute('kept = 1');
    // It has not seen the close yet, as while that is on its way.
    client.socket.pause();
    const ended = beamgate.process.end('SIGTERM');
    await drains(beamgate);
    client.send('shell', 'execute_request', { code: 'kept = 2', silent: false });
    const closed = client.closed;
    client.socket.resume();
    expect(await closed).toBe(1012);
    expect(await ended).toBe(0);
    await beamgate.startAgain();
    const again = await ChannelClient.open(beamgate, id);
    expect((await again.execute('print(kept)')).text).toBe('2\n');
  }, 60_000);

  it('answers the requests that are open, and lets nobody in', async () => {
    const beamgate = await start();
    const body = JSON.stringify({ kernelspec: 'null' });
    const head = `POST /v1/kernels HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${beamgate.token}\r\nContent-Length: ${body.length}\r\n\r\n`;
    const open = await RawSocket.open(beamgate);
    await open.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n').until(/"ok"/);
    open.send(head + body.slice(0, 5));
    const probe = await RawSocket.open(beamgate);
    probe.send('GET /readyz HTTP/1.1\r\nHost: x\r\n');
    // What was sent before this is taken before this is answered.
    await raw(beamgate, '/api/kernels');
    const ended = beamgate.process.end('SIGTERM');
    await drains(beamgate);
    await probe.send('\r\n').until(/ 503 [\s\S]*"service":"The service stops."/);
    const [, id = ''] = await open.send(body.slice(5)).until(/ 201 [\s\S]*"id":"([^"]+)"/);
    expect(open.received).toMatch(/\r\nconnection: close\r\n/i);
    expect(await ended).toBe(0);
    await beamgate.startAgain();
    expect((await getKernel(beamgate, id)).kernelspec).toBe('null');
  }, 60_000);

  it.each([
    ['waits no longer than it may', 1, 0, []],
    ['waits no longer once it is told again', 600, 1, ['SIGTERM']],
  ] as const)(
    '%s for a client that does not close',
    async (_case, drainSeconds, code, more) => {
      const beamgate = await start({ http: { drainSeconds } });
      const { id } = await createKernel(beamgate, { kernelspec: 'null' });
      await inPhase(beamgate, id, 'ready');
      const client = await ChannelClient.open(beamgate, id);
      client.socket.pause();
      const first = beamgate.process.end('SIGTERM');
      await drains(beamgate);
      const asking = more.map((signal) => setInterval(() => process.kill(beamgate.pid, signal), 100));
      expect(await first).toBe(code);
      for (const timer of asking) clearInterval(timer);
      client.socket.terminate();
      await beamgate.startAgain();
      expect((await getKernel(beamgate, id)).phase).toBe('ready');
    },
    60_000,
  );
});
