import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { call, type Gateway } from '../support/gateway.js';
import { linesOf, numberedLines, printingCell } from '../support/lines.js';
import { NUMBERED, NumberedClient } from '../support/numbered-client.js';
import { eventually } from '../support/processes.js';
import { ScaleOut } from '../support/scale-out.js';
import { ServiceProcess } from '../support/service-process.js';
import { as, createKernel, createToken, endKernel, getKernel, inPhase, v1 } from '../support/v1.js';
import { decodeV1, encodeV1 } from '../support/wire.js';

const LINES = 300;

/** A cell, as the first that a client of the numbered protocol sends. */
function askedFirst(session: string, id: string, code = '1'): Buffer {
  const header = { msg_id: id, msg_type: 'execute_request', username: '', session, date: '', version: '5.3' };
  const content = { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false };
  const message = encodeV1({ channel: 'shell', header, parent_header: {}, metadata: {}, content, buffers: [] });
  const number = Buffer.alloc(8);
  number.writeBigUInt64LE(1n);
  return Buffer.concat([number, message]);
}

async function opened(gateway: Gateway, kernelId: string, session: string): Promise<WebSocket> {
  const url = `${gateway.url.replace('http', 'ws')}/api/kernels/${kernelId}/channels?session_id=${session}`;
  const socket = new WebSocket(url, [NUMBERED], { headers: { authorization: `Bearer ${gateway.token}` } });
  await once(socket, 'open');
  return socket;
}

/** Content of the first message for this request on the channel. */
const told = (socket: WebSocket, channel: string, request: string, type?: string): Promise<unknown> =>
  new Promise((resolve) => {
    socket.on('message', (data, isBinary) => {
      if (!isBinary) return;
      const { header, parent_header: parent, content, ...message } = decodeV1((data as Buffer).subarray(8));
      if (type !== undefined && header['msg_type'] !== type) return;
      if (message.channel === channel && parent['msg_id'] === request) resolve(content);
    });
  });

jest.setTimeout(120_000);

describe('services of several processes', () => {
  let all: ScaleOut;
  let one: Gateway;
  let two: Gateway;

  beforeAll(async () => {
    all = await ScaleOut.start({ config: { scheduling: { maxKernels: 4 } }, durable: true });
    [one, two] = all.gateways;
  }, 180_000);
  afterEach(async () => {
    const { kernels } = await v1<{ kernels: { id: string; phase: string }[] }>(one, '/v1/kernels');
    for (const { id, phase } of kernels) if (phase !== 'ended') await endKernel(one, id);
    for (const { id } of kernels) await inPhase(one, id, 'ended');
  });
  afterAll(() => all?.stop(), 60_000);

  const ready = async (): Promise<string> => {
    const { id } = await createKernel(one);
    await inPhase(one, id, 'ready');
    return id;
  };
  /** A cell that prints for some seconds while `what` is done to the services; each line comes once. */
  const printsThrough = async (what: (client: NumberedClient) => Promise<void>): Promise<NumberedClient> => {
    const client = new NumberedClient(two, await ready());
    await client.connect();
    const request = client.execute(printingCell(LINES));
    await client.until(() => linesOf(client.printed(request)).length > LINES / 10);
    await what(client);
    const reply = await client.done(request);
    expect(reply.content['status']).toBe('ok');
    expect(linesOf(client.printed(request))).toEqual(numberedLines(LINES));
    return client;
  };

  it('serve one kernel through every gateway', async () => {
    const id = await ready();
    for (const gateway of [one, two]) {
      const client = new NumberedClient(gateway, id);
      await client.connect();
      const request = client.execute('print(6 * 7)');
      await client.done(request);
      expect(client.printed(request)).toBe('42\n');
      await client.close();
    }
    await endKernel(two, id);
    expect(await inPhase(one, id, 'ended')).toMatchObject({ endReason: 'shut-down' });
  });

  it('close the sockets of a token that is revoked through another gateway', async () => {
    const { id: tokenId, token } = await createToken(one, { user: 'ada' });
    const client = new NumberedClient(as(two, token), await ready());
    await client.connect();
    await client.done(client.execute('1'));
    await v1(one, `/v1/tokens/${tokenId}`, { method: 'DELETE' });
    await client.closed;
    for (const gateway of [one, two]) expect((await call(as(gateway, token), '/v1/kernels')).status).toBe(401);
  });

  it('keep the later of two sockets of one session, whichever gateways they came to before there was a kernel', async () => {
    const holding = await Promise.all(Array.from({ length: 4 }, ready));
    const { id } = await createKernel(one);
    // Several, since the order in which the gateways come to the agent is a matter of luck.
    const sessions = await Promise.all(
      Array.from({ length: 6 }, async (_, number) => {
        const session = randomUUID();
        const [first, second] = number % 2 === 0 ? [one, two] : [two, one];
        const early = await opened(first, id, session);
        const request = randomUUID();
        early.send(askedFirst(session, request));
        const late = await opened(second, id, session);
        const answered = told(late, 'shell', request);
        return { late, answered, closed: once(early, 'close') };
      }),
    );
    await endKernel(one, holding[0] as string);
    for (const { late, answered, closed } of sessions) {
      expect((await closed)[0]).toBe(1012);
      // What the earlier one asked, the later one is told.
      await expect(Promise.race([answered, once(late, 'close')])).resolves.toMatchObject({ status: 'ok' });
      expect(late.readyState).toBe(WebSocket.OPEN);
      late.close();
    }
  });

  it('serve the socket of a session that speaks, though a silent one was opened later at another gateway', async () => {
    const id = await ready();
    const session = randomUUID();
    const speaking = await opened(one, id, session);
    const silent = await opened(two, id, session);
    const closed = once(silent, 'close');
    // The kernel's word reaches it: the session is there now.
    await once(silent, 'message');
    const request = randomUUID();
    speaking.send(askedFirst(session, request));
    const answered = told(speaking, 'shell', request);
    await expect(Promise.race([answered, once(speaking, 'close')])).resolves.toMatchObject({ status: 'ok' });
    expect((await closed)[0]).toBe(1012);
    expect(speaking.readyState).toBe(WebSocket.OPEN);
    speaking.close();
  });

  it('tell all who waited for a kernel what it put out first, however late their gateway hears of it', async () => {
    const holding = await Promise.all(Array.from({ length: 4 }, ready));
    const { id } = await createKernel(one);
    const [session, request] = [randomUUID(), randomUUID()];
    const [asking, looking] = [await opened(one, id, session), await opened(two, id, randomUUID())];
    const heard = told(looking, 'iopub', request, 'stream');
    process.kill(two.pid, 'SIGSTOP');
    try {
      await endKernel(one, holding[0] as string);
      asking.send(askedFirst(session, request, 'print(6 * 7)'));
      expect(await told(asking, 'shell', request)).toMatchObject({ status: 'ok' });
    } finally {
      process.kill(two.pid, 'SIGCONT');
    }
    expect(await heard).toMatchObject({ text: '42\n' });
    for (const socket of [asking, looking]) socket.close();
  });

  it('lose their launcher, and the next one has every kernel', async () => {
    const client = await printsThrough(async () => {
      await all.launcher.kill();
      await all.launcher.start();
    });
    const id = client.kernelId;
    await v1(one, `/v1/kernels/${id}/restart`, { method: 'POST' });
    await inPhaseAndState(id, 'idle');
    expect(await getKernel(two, id)).toMatchObject({ phase: 'ready', executionState: 'idle' });
    await client.close();
  });

  const inPhaseAndState = (id: string, state: string): Promise<unknown> =>
    eventually(`kernel ${id} is ${state}`, async () => {
      const { executionState } = await getKernel(one, id);
      return executionState === state ? true : undefined;
    });

  it('restart a kernel once, that was asked for while there was no launcher', async () => {
    const client = new NumberedClient(two, await ready());
    await client.connect();
    await all.launcher.kill();
    await v1(one, `/v1/kernels/${client.kernelId}/restart`, { method: 'POST' });
    await all.launcher.start();
    await inPhaseAndState(client.kernelId, 'idle');
    await client.done(client.execute('kept = 1'));
    // What was told while it was away comes late, and again.
    await all.launcher.kill();
    await all.launcher.start();
    const { id } = await createKernel(one);
    await inPhase(one, id, 'ready');
    const request = client.execute('print(kept)');
    await client.done(request);
    expect(client.printed(request)).toBe('1\n');
    await client.close();
  });

  it('lose the gatekeeper that leads; the other goes on, with every place in the queue', async () => {
    const places = async (ids: string[]): Promise<(number | undefined)[]> =>
      Promise.all(ids.map(async (id) => (await getKernel(two, id)).wait?.position));
    const client = await printsThrough(async () => {
      for (let n = 0; n < 3; n += 1) await ready();
      const waiting = [await createKernel(one), await createKernel(two)].map(({ id }) => id);
      expect(await places(waiting)).toEqual([1, 2]);
      await all.gatekeepers[0]?.kill();
      await all.gatekeepers[1]?.serving();
      expect(await places(waiting)).toEqual([1, 2]);
      const [first = '', second = ''] = waiting;
      await endKernel(one, first);
      expect(await places([second])).toEqual([1]);
    });
    await endKernel(one, client.kernelId);
    // The one that was killed stands by from now on.
    all.gatekeepers.reverse();
    all.gatekeepers[1]?.begin();
    await client.close();
  });

  it('lose RabbitMQ: a cell goes on, and a submission is refused for now or done', async () => {
    const client = await printsThrough(async () => {
      await all.broker.crash();
      const answer = await call(one, '/v1/kernels', { method: 'POST', body: '{}' });
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
      await all.broker.startAgain();
    });
    const { id } = await eventually('kernels are taken again', () => createKernel(one).catch(() => undefined), 60);
    await inPhase(two, id, 'ready');
    await client.close();
  });

  it('lose PostgreSQL: a cell goes on, and a submission is refused for now or done', async () => {
    const client = await printsThrough(async () => {
      await all.database.crash();
      const answer = await call(one, '/v1/kernels', { method: 'POST', body: '{}' });
      expect(answer.status).toBe(503);
      await all.database.startAgain();
    });
    const { id } = await eventually('kernels are taken again', () => createKernel(one).catch(() => undefined), 60);
    await inPhase(two, id, 'ready');
    await client.close();
  });

  it('lose a gateway: its client goes on through the other', async () => {
    const client = new NumberedClient(one, await ready());
    await client.connect();
    const request = client.execute(printingCell(LINES));
    await client.until(() => linesOf(client.printed(request)).length > LINES / 10);
    await one.kill();
    await client.closed;
    await client.connect(two);
    await client.done(request);
    expect(linesOf(client.printed(request))).toEqual(numberedLines(LINES));
    await one.startAgain();
    await client.close();
  });

  it('say what is wrong with their credentials where readiness is asked', async () => {
    const wrong = new ServiceProcess({
      kind: 'launcher',
      name: 'launcher-unknown',
      config: { store: { url: all.databaseUrl }, bus: { url: all.broker.url.replace('guest:guest', 'guest:wrong') } },
    });
    wrong.begin();
    try {
      const { status, checks } = await eventually('it was refused', async () => {
        const response = await fetch(`${wrong.url}/readyz`).catch(() => undefined);
        const body = (await response?.json()) as { checks: { bus?: string } } | undefined;
        return body?.checks.bus?.includes('REFUSED') ? { status: response?.status, checks: body.checks } : undefined;
      });
      expect(status).toBe(503);
      expect(checks.bus).toMatch(/^RabbitMQ can’t be reached: .*ACCESS.REFUSED/);
    } finally {
      await wrong.kill();
    }
  });

  it('stop in order, and kernels live on', async () => {
    // One that was deposed while its database was away has ended; whoever runs services starts it again.
    const deposed = all.gatekeepers.findIndex(({ hasEnded }) => hasEnded);
    if (deposed === 0) all.gatekeepers.reverse();
    if (deposed >= 0) all.gatekeepers[1]?.begin();
    const client = await printsThrough(async (printing) => {
      expect(new Set(await all.stopServices())).toEqual(new Set([0]));
      await printing.closed;
      await all.startServices();
      await printing.connect();
    });
    await client.close();
  });
});
