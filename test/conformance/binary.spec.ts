import { randomBytes } from 'node:crypto';
import { jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { Beamgate, POOLS } from '../support/beamgate.js';
import { ChannelClient, deleteKernel, startKernel } from '../support/channel-client.js';
import { cell, Lab, run } from '../support/lab.js';
import { NotebookServer } from '../support/notebook-server.js';
import { Scope } from '../support/scope.js';
import { decodeLegacy, encodeLegacy } from '../support/wire.js';

jest.setTimeout(60_000);

const MEGABYTE = 1_000_000;
/** Sends back the buffers of each comm message, reversed. */
const MIRROR = `
from comm import get_comm_manager
def opened(comm, message):
    comm.on_msg(lambda m: comm.send({'n': len(m['buffers'])}, buffers=[bytes(b)[::-1] for b in m['buffers']]))
get_comm_manager().register_target('mirror', opened)`;
/** Bytes that no UTF-8 text holds. */
const NOT_TEXT = 'bytes([0xff, 0xfe, 0x00, 0x80]) * 1000';

const scope = new Scope();
let beamgate: Beamgate;
beforeAll(async () => {
  beamgate = scope.use(await Beamgate.start({ config: POOLS }), (one) => one.stop());
});

describe('buffers of 1 MB pass both ways', () => {
  it.each(['v1', 'legacy'] as const)('for a client that speaks %s to Beamgate', async (framing) => {
    const { id } = await startKernel(beamgate, 'python3');
    const client = await ChannelClient.open(beamgate, id, { framing });
    await client.execute(MIRROR);
    client.send('shell', 'comm_open', { comm_id: 'c1', target_name: 'mirror', data: {} });
    const buffers = [randomBytes(MEGABYTE), randomBytes(MEGABYTE)];
    const back = client.next((message) => message.header['msg_type'] === 'comm_msg');
    client.send('shell', 'comm_msg', { comm_id: 'c1', data: {} }, { buffers });
    const message = await back;
    expect(message.content['data']).toEqual({ n: 2 });
    expect(message.buffers.map((buffer) => buffer.length)).toEqual([MEGABYTE, MEGABYTE]);
    for (const [index, buffer] of buffers.entries()) {
      expect(
        Buffer.from(buffer)
          .reverse()
          .equals(message.buffers[index] as Buffer),
      ).toBe(true);
    }
    await client.close();
    await deleteKernel(beamgate, id);
  });
});

describe('the two binary traps of a stock notebook server', () => {
  let server: NotebookServer;
  let lab: Lab;
  beforeAll(async () => {
    server = scope.use(await NotebookServer.start({ gateway: beamgate }), (one) => one.stop());
    lab = scope.use(new Lab(server), (one) => one.dispose());
  });

  it('its reader lives on after a kernel sent binary, and the cell says what was left out', async () => {
    const kernel = await lab.open('to-server.ipynb');
    const sent = cell(
      kernel,
      `from comm import create_comm\ncreate_comm(target_name='t', data={}, buffers=[${NOT_TEXT}])\nprint('after')`,
    );
    await sent.done;
    expect(sent.text).toContain('after');
    expect(sent.text).toMatch(/binary buffer.*4000 bytes/);
    expect(await run(kernel, 'print("reader lives")')).toBe('reader lives\n');
    expect(server.log).not.toMatch(/UnicodeDecodeError|utf-8/);
    await kernel.shutdown();
  });

  it("a browser's binary frame arrives, though the server forwards it with the text opcode", async () => {
    const kernel = await lab.open('from-server.ipynb');
    await run(
      kernel,
      `
from comm import get_comm_manager
def opened(comm, message):
    comm.on_msg(lambda m: comm.send({'lengths': [len(b) for b in m['buffers']], 'first': bytes(m['buffers'][0])[0]}))
get_comm_manager().register_target('measure', opened)`,
    );
    // A second socket of our own: what a browser without the v1 subprotocol sends, byte for byte.
    const session = 'browser-like';
    const url = `${server.url.replace('http', 'ws')}/api/kernels/${kernel.id}/channels?session_id=${session}&token=${server.token}`;
    const socket = new WebSocket(url);
    scope.use(socket, (one) => one.terminate());
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const answer = new Promise<unknown>((resolve) => {
      socket.on('message', (data, isBinary) => {
        const { header, content } = decodeLegacy(data as Buffer, isBinary);
        if (header['msg_type'] === 'comm_msg') resolve(content['data']);
      });
    });
    const message = (type: string, content: object, buffers: Buffer[] = []) =>
      encodeLegacy({
        channel: 'shell',
        header: { msg_id: type, msg_type: type, username: '', session, date: new Date().toISOString(), version: '5.2' },
        parent_header: {},
        metadata: {},
        content,
        buffers,
      });
    socket.send(message('comm_open', { comm_id: 'c2', target_name: 'measure', data: {} }));
    socket.send(message('comm_msg', { comm_id: 'c2', data: {} }, [Buffer.alloc(3000, 0xff), randomBytes(MEGABYTE)]));
    expect(await answer).toEqual({ lengths: [3000, MEGABYTE], first: 255 });
    expect(await run(kernel, 'print("link stands")')).toBe('link stands\n');
    await kernel.shutdown();
  });
});
