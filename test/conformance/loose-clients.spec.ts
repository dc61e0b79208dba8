import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { Beamgate } from '../support/beamgate.js';
import { cell, Lab, run } from '../support/lab.js';
import { parts } from '../support/parts.js';
import { eventually } from '../support/processes.js';
import { python } from '../support/python-script.js';
import { type RawRequest, raw } from '../support/raw-http.js';
import { Scope } from '../support/scope.js';
import { getKernel } from '../support/v1.js';

jest.setTimeout(60_000);

/** Section 8 of the protocol document: programs that speak the dialect in their own way, each as it does. */
const scope = new Scope();
let beamgate: Beamgate;
beforeAll(async () => {
  beamgate = scope.use(await Beamgate.start({ logName: 'loose-clients' }), (one) => one.stop());
});

type Message = Record<string, unknown> & {
  msg_type: string;
  header: Record<string, unknown>;
  parent_header: { msg_id?: string };
  content: Record<string, unknown>;
};

/** A socket without a subprotocol, and without anything that a client library of Jupyter would add. */
async function bareSocket(path: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${beamgate.url.replace('http', 'ws')}${path}`, { headers });
  const messages: Message[] = [];
  const binary: Buffer[] = [];
  socket.on('message', (data, isBinary) => {
    if (isBinary) binary.push(data as Buffer);
    else messages.push(JSON.parse(String(data)) as Message);
  });
  await once(socket, 'open');
  /** The messages of a request, up to its idle. */
  const until = async (msgId: string, last: (message: Message) => boolean): Promise<Message[]> => {
    const mine = () => messages.filter(({ parent_header }) => parent_header.msg_id === msgId);
    while (!mine().some(last)) await once(socket, 'message');
    return mine();
  };
  return { socket, binary, until };
}
const isIdle = ({ msg_type, content }: Message) => msg_type === 'status' && content['execution_state'] === 'idle';
const printed = (messages: Message[]): string =>
  messages
    .filter(({ msg_type }) => msg_type === 'stream')
    .map(({ content }) => content['text'])
    .join('');

const withQuery: RawRequest = { token: null };
const content = (code: string) => ({
  code,
  silent: false,
  store_history: true,
  user_expressions: {},
  allow_stdin: false,
});

describe('smolagents', () => {
  it('asks for kernelspecs until they come, posts no body, and sends no channel, no date, a session each', async () => {
    const token = `token=${beamgate.token}`;
    expect((await raw(beamgate, `/api/kernelspecs?${token}`, withQuery)).status).toBe(200);
    const made = await raw(beamgate, `/api/kernels?${token}`, { ...withQuery, method: 'POST' });
    expect(made.status).toBe(201);
    expect(made.headers.location).toBe(`/api/kernels/${made.body['id']}`);
    const { socket, until } = await bareSocket(`/api/kernels/${made.body['id']}/channels?${token}`);
    const execute = (code: string) => {
      const msg_id = randomUUID();
      const header = {
        msg_id,
        username: 'anonymous',
        session: randomUUID(),
        msg_type: 'execute_request',
        version: '5.0',
      };
      socket.send(JSON.stringify({ header, parent_header: {}, metadata: {}, content: content(code) }));
      return until(msg_id, isIdle);
    };
    expect(printed(await execute('a = 1\nprint("one", a)'))).toBe('one 1\n');
    expect(printed(await execute('print("two", a + 1)'))).toBe('two 2\n');
    const failed = await execute('1/0');
    expect(failed.find(({ msg_type }) => msg_type === 'error')?.content['ename']).toBe('ZeroDivisionError');
    socket.close();
    const gone = await raw(beamgate, `/api/kernels/${made.body['id']}?${token}`, { ...withQuery, method: 'DELETE' });
    expect(gone.status).toBe(204);
  });
});

describe('autogen', () => {
  it('sends `buffers: {}` in text frames, with its token in the header', async () => {
    const headers = { authorization: `token ${beamgate.token}` };
    const body = JSON.stringify({ name: 'python3' });
    const made = await raw(beamgate, '/api/kernels', { token: null, headers, method: 'POST', body });
    expect(made.status).toBe(201);
    const { socket, until } = await bareSocket(`/api/kernels/${made.body['id']}/channels`, headers);
    const request = (msg_type: string, asked: object) => {
      const msg_id = randomUUID().replaceAll('-', '');
      const header = {
        msg_id,
        username: 'autogen',
        session: randomUUID().replaceAll('-', ''),
        msg_type,
        version: '5.3',
        date: '2026-01-01T00:00:00.000Z',
      };
      const message = {
        header,
        parent_header: {},
        metadata: {},
        content: asked,
        buffers: {},
        channel: 'shell',
        msg_id,
        msg_type,
      };
      socket.send(JSON.stringify(message));
      return msg_id;
    };
    await until(request('kernel_info_request', {}), ({ msg_type }) => msg_type === 'kernel_info_reply');
    const id = request('execute_request', content('print("hello")'));
    expect(printed(await until(id, isIdle))).toBe('hello\n');
    socket.close();
  });
});

describe('Open WebUI', () => {
  it('runs one cell per kernel and deletes it at once; nothing of the kernel stays', async () => {
    const token = `token=${beamgate.token}`;
    // Where it is given a password, it starts its kernels with that.
    const headers = { authorization: `Basic ${Buffer.from(`:${beamgate.token}`).toString('base64')}` };
    for (const round of [1, 2, 3]) {
      const made = await raw(beamgate, '/api/kernels', { token: null, headers, method: 'POST' });
      const id = String(made.body['id']);
      const { socket, until } = await bareSocket(`/api/kernels/${id}/channels?${token}`);
      const msg_id = randomUUID();
      const header = {
        msg_id,
        msg_type: 'execute_request',
        username: 'user',
        session: randomUUID(),
        date: '',
        version: '5.3',
      };
      const asked = { header, parent_header: {}, metadata: {}, content: content(`print(${round})`), channel: 'shell' };
      socket.send(JSON.stringify(asked));
      expect(printed(await until(msg_id, isIdle))).toBe(`${round}\n`);
      const gone = await raw(beamgate, `/api/kernels/${id}?${token}`, { ...withQuery, method: 'DELETE' });
      expect(gone.status).toBe(204);
      socket.close();
      await eventually('the kernel ended', async () =>
        (await getKernel(beamgate, id)).phase === 'ended' ? true : undefined,
      );
    }
  });
});

// Its own v1 framing fails on any server: it drops what it receives with `KeyError: 'channel'` (1.0.2).
describe('jupyter-kernel-client, from PyPI', () => {
  it('starts a kernel, runs cells and ends it', async () => {
    const said = await python(
      parts().clients,
      `
from jupyter_kernel_client import JupyterKernelClient
import json
with JupyterKernelClient(server_url='${beamgate.url}', token='${beamgate.token}') as kernel:
    reply = kernel.execute('x = 6\\nprint(x * 7)\\nx')
    print(json.dumps([reply['status'], [output.get('text') or output['data'] for output in reply['outputs']]]))
`,
    );
    expect(JSON.parse(said)).toEqual(['ok', ['42\n', { 'text/plain': '6' }]]);
  });
});

/** nbclient (and papermill, which runs it) on the gateway client that comes with jupyter_server. */
const NBCLIENT = `
import nbformat
from nbclient import NotebookClient
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.gateway.managers import GatewayKernelManager
GatewayClient.instance().url
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('print(6 * 7)')])
NotebookClient(notebook, kernel_name='python3', timeout=30, kernel_manager_class=GatewayKernelManager).execute()
print(notebook.cells[0].outputs[0]['text'])
`;

describe('nbclient through GatewayKernelClient', () => {
  const gatewayEnv = (one: Beamgate) => ({
    JUPYTER_GATEWAY_URL: one.url,
    JUPYTER_GATEWAY_AUTH_SCHEME: 'Bearer',
    JUPYTER_GATEWAY_AUTH_TOKEN: one.token,
  });

  it('opens its socket without a token: it works where every caller is trusted', async () => {
    const trusting = scope.use(await Beamgate.start({ flags: ['--auth-mode', 'none'] }), (one) => one.stop());
    expect(await python(parts().jupyter, NBCLIENT, gatewayEnv(trusting))).toBe('42\n\n');
  });

  it('is refused where a token is needed, in words that say so', async () => {
    await expect(python(parts().jupyter, NBCLIENT, gatewayEnv(beamgate))).rejects.toThrow(/401/);
  });
});

describe('VS Code', () => {
  it('talks to the gateway itself by JupyterLab’s client over Node sockets, and is given v1, buffers included', async () => {
    const lab = scope.use(new Lab(beamgate), (one) => one.dispose());
    const protocols: string[] = [];
    const { WebSocket: Plain } = lab.settings;
    class Noting extends (Plain as unknown as typeof WebSocket) {
      constructor(url: string, offered: string[]) {
        super(url, offered);
        this.on('open', () => protocols.push(this.protocol));
      }
    }
    (lab.settings as { WebSocket: unknown }).WebSocket = Noting;
    const kernel = await lab.kernels.startNew({ name: 'python3' });
    // A subshell that is still asked for when the kernel ends would be an error of the library.
    (kernel as { commsOverSubshells: string }).commsOverSubshells = 'disabled';
    expect(await run(kernel, 'print(6 * 7)')).toBe('42\n');
    const code = `
from ipykernel.comm import Comm
Comm('binary', data={}, buffers=[bytes(range(256))])
`;
    const opened = new Promise<Buffer>((resolve) =>
      kernel.registerCommTarget('binary', (_comm, { buffers }) => {
        const [view] = buffers as DataView[];
        resolve(Buffer.from(view?.buffer ?? new ArrayBuffer(0), view?.byteOffset, view?.byteLength));
      }),
    );
    await cell(kernel, code).done;
    expect([...(await opened)]).toEqual(Array.from({ length: 256 }, (_, value) => value));
    expect(new Set(protocols)).toEqual(new Set(['v1.kernel.websocket.jupyter.org']));
    await kernel.shutdown();
  });
});
