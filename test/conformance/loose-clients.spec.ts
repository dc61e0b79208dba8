import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { Beamgate } from '../support/beamgate.js';
import { Scope } from '../support/scope.js';

jest.setTimeout(60_000);

interface Message {
  msg_type: string;
  channel: string;
  parent_header: { msg_id?: string };
  content: { text?: string; execution_state?: string; status?: string };
}

/** Clients that speak the dialect of kernel gateways loosely, each byte for byte as it does. */
describe('a client like', () => {
  const scope = new Scope();
  let beamgate: Beamgate;

  beforeAll(async () => {
    beamgate = scope.use(await Beamgate.start(), (one) => one.stop());
  });

  /** Sends one text frame and reads until the kernel is idle again. */
  async function exchange(url: string, headers: Record<string, string>, message: { header: { msg_id: string } }) {
    const socket = scope.use(new WebSocket(url, { headers }), (one) => one.terminate());
    await once(socket, 'open');
    const received: Message[] = [];
    const idle = new Promise<void>((resolve) => {
      socket.on('message', (data) => {
        const one = JSON.parse(String(data)) as Message;
        if (one.parent_header.msg_id !== message.header.msg_id) return;
        received.push(one);
        if (one.content.execution_state === 'idle') resolve();
      });
    });
    socket.send(JSON.stringify(message));
    await idle;
    return {
      printed: received.map(({ content }) => content.text ?? '').join(''),
      reply: received.find(({ msg_type }) => msg_type === 'execute_reply'),
    };
  }
  const socketUrl = (id: string, query = ''): string =>
    `${beamgate.url.replace('http', 'ws')}/api/kernels/${id}/channels${query}`;

  it('smolagents: no body, token in the query, no channel, no date, a new session for each message', async () => {
    const query = `?token=${beamgate.token}`;
    expect((await fetch(`${beamgate.url}/api/kernelspecs${query}`)).status).toBe(200);
    const made = await fetch(`${beamgate.url}/api/kernels${query}`, { method: 'POST' });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toMatch(/^\/api\/kernels\//);
    const { id } = (await made.json()) as { id: string };
    for (const number of [1, 2]) {
      const header = {
        msg_id: randomUUID(),
        username: 'anonymous',
        session: randomUUID(),
        msg_type: 'execute_request',
        version: '5.0',
      };
      const content = {
        code: `print(${number})`,
        silent: false,
        store_history: true,
        user_expressions: {},
        allow_stdin: false,
      };
      const { printed } = await exchange(socketUrl(id, query), {}, {
        header,
        parent_header: {},
        metadata: {},
        content,
      } as never);
      expect(printed).toBe(`${number}\n`);
    }
    expect((await fetch(`${beamgate.url}/api/kernels/${id}${query}`, { method: 'DELETE' })).status).toBe(204);
  });

  it('autogen: `token` scheme, a name, buffers as an object', async () => {
    const headers = { authorization: `token ${beamgate.token}` };
    const body = JSON.stringify({ name: 'python3' });
    const made = await fetch(`${beamgate.url}/api/kernels`, { method: 'POST', headers, body });
    const { id } = (await made.json()) as { id: string };
    const message = {
      header: {
        msg_id: randomUUID().replaceAll('-', ''),
        username: 'autogen',
        session: randomUUID(),
        date: new Date().toISOString(),
        msg_type: 'execute_request',
        version: '5.0',
      },
      parent_header: {},
      channel: 'shell',
      content: {
        code: "print('ä')",
        silent: false,
        store_history: true,
        user_expressions: {},
        allow_stdin: false,
        stop_on_error: true,
      },
      metadata: {},
      buffers: {},
    };
    const { printed, reply } = await exchange(socketUrl(id), headers, message);
    expect(printed).toBe('ä\n');
    expect(reply).toMatchObject({ channel: 'shell', content: { status: 'ok' } });
    await fetch(`${beamgate.url}/api/kernels/${id}`, { method: 'DELETE', headers });
  });

  it('Open WebUI: one execution for each kernel, Basic with the token as the password', async () => {
    const headers = { authorization: `Basic ${btoa(`user:${beamgate.token}`)}` };
    for (const number of [1, 2]) {
      const made = await fetch(`${beamgate.url}/api/kernels`, { method: 'POST', headers });
      const { id } = (await made.json()) as { id: string };
      const message = {
        channel: 'shell',
        header: {
          msg_id: randomUUID(),
          msg_type: 'execute_request',
          username: 'user',
          session: randomUUID(),
          date: '',
          version: '5.3',
        },
        parent_header: {},
        metadata: {},
        content: { code: `print(${number} * 2)`, silent: false },
      };
      expect((await exchange(socketUrl(id), headers, message)).printed).toBe(`${number * 2}\n`);
      expect((await fetch(`${beamgate.url}/api/kernels/${id}`, { method: 'DELETE', headers })).status).toBe(204);
    }
  });
});
