import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient, deleteKernel } from '../support/channel-client.js';
import { EnterpriseGateway } from '../support/enterprise-gateway.js';
import { type Gateway, remove, temporaryFolder } from '../support/gateway.js';
import { Lab, run } from '../support/lab.js';
import { linesOf, numberedLines, printingCell } from '../support/lines.js';
import { NotebookServer, type NotebookServerOptions } from '../support/notebook-server.js';
import { parts } from '../support/parts.js';
import { Scope } from '../support/scope.js';
import type { Received } from '../support/wire.js';

jest.setTimeout(120_000);

const MEGABYTE = 1_000_000;
const MIRROR = `
from comm import get_comm_manager
def opened(comm, message):
    comm.on_msg(lambda m: comm.send({'n': len(m['buffers'])}, buffers=[bytes(b)[::-1] for b in m['buffers']]))
get_comm_manager().register_target('mirror', opened)`;

/** The sockets of a notebook server with the add-on, as a browser opens them. */
describe('the sockets of the add-on', () => {
  const scope = new Scope();
  let beamgate: Beamgate;

  beforeAll(async () => {
    beamgate = scope.use(await Beamgate.start(), (one) => one.stop());
  });

  const startServer = async (options: Partial<NotebookServerOptions> = {}): Promise<NotebookServer> =>
    scope.use(await NotebookServer.start({ gateway: beamgate, addOn: true, ...options }), (one) => one.stop());
  const labOn = (server: NotebookServer): Lab => scope.use(new Lab(server), (one) => one.dispose());
  /** A notebook server takes kernels and tokens by the same paths as a gateway. */
  const asGateway = (server: NotebookServer): Gateway => ({ ...server, name: 'notebook server' }) as unknown as Gateway;

  async function mirrored(client: ChannelClient): Promise<void> {
    await client.execute(MIRROR);
    client.send('shell', 'comm_open', { comm_id: 'c1', target_name: 'mirror', data: {} });
    const buffers = [randomBytes(MEGABYTE), Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))];
    const back = client.next((message) => message.header['msg_type'] === 'comm_msg');
    client.send('shell', 'comm_msg', { comm_id: 'c1', data: {} }, { buffers });
    const { content, buffers: returned } = await back;
    expect(content['data']).toEqual({ n: 2 });
    for (const [index, buffer] of buffers.entries()) {
      expect(
        Buffer.from(buffer)
          .reverse()
          .equals(returned[index] as Buffer),
      ).toBe(true);
    }
  }

  it.each(['v1', 'legacy'] as const)(
    'carry buffers of 1 MB both ways for a browser that speaks %s',
    async (framing) => {
      const server = await startServer();
      const kernel = await labOn(server).open('mirror.ipynb');
      const client = await ChannelClient.open(asGateway(server), kernel.id, { framing });
      await mirrored(client);
      await client.close();
      await kernel.shutdown();
    },
  );

  it('of one session replace each other, and only the newer one is told what comes', async () => {
    const server = await startServer();
    const kernel = await labOn(server).open('replaced.ipynb');
    const older = await ChannelClient.open(asGateway(server), kernel.id, { session: 'same' });
    await older.execute('None');
    const { closed } = older;
    const newer = await ChannelClient.open(asGateway(server), kernel.id, { session: 'same' });
    // Not a code upon which a notebook comes back: two that share a session would replace each other for ever.
    expect(await closed).toBe(1000);
    expect((await newer.execute('print("newer")')).text).toBe('newer\n');
    await newer.close();
    await kernel.shutdown();
  });

  it('of a notebook server that was killed get on with the session of its browser', async () => {
    const server = await startServer();
    const kernel = await labOn(server).open('restarted.ipynb');
    const session = 'survivor';
    const before = await ChannelClient.open(asGateway(server), kernel.id, { session });
    await before.execute('None');
    const request = before.send('shell', 'execute_request', { code: printingCell(300), silent: false });
    await before.next(({ content }) => content['text'] === 'line 20\n');
    await server.killAndStartAgain();
    // As a browser does that finds its notebook server again.
    await labOn(server).sessions.startNew({
      path: 'restarted.ipynb',
      name: 'restarted.ipynb',
      type: 'notebook',
      kernel: { id: kernel.id } as object,
    });
    const after = await ChannelClient.open(asGateway(server), kernel.id, { session });
    const mine = ({ parent_header }: Received) => parent_header['msg_id'] === request;
    await after.next((message) => mine(message) && message.content['execution_state'] === 'idle');
    const printed = [before, after].flatMap(({ received }) =>
      received.filter(mine).flatMap(({ content }) => linesOf(String(content['text'] ?? ''))),
    );
    expect([...new Set(printed)]).toEqual(numberedLines(300));
    expect((await after.execute('print("on")')).text).toBe('on\n');
    await after.close();
    await deleteKernel(beamgate, kernel.id);
  });

  it('are those of the class that is named by configuration, where the extension is not enabled', async () => {
    const flags = [
      '--ServerApp.jpserver_extensions={"beamgate_jupyter_server": False}',
      '--ServerApp.kernel_websocket_connection_class=beamgate_jupyter_server.BeamgateWebSocketConnection',
      '--BeamgateWebSocketConnection.retry_first_seconds=0.05',
    ];
    const server = await startServer({ flags });
    const kernel = await labOn(server).open('by-class.ipynb');
    const client = await ChannelClient.open(asGateway(server), kernel.id);
    await mirrored(client);
    expect(server.log).not.toContain("Beamgate's add-on carries");
    await client.close();
    await kernel.shutdown();
  });

  it('pass what another gateway speaks, and the log says that it is no Beamgate', async () => {
    const folder = scope.use(temporaryFolder('specs'), remove);
    const argv = [parts().python, '-m', 'ipykernel_launcher', '-f', '{connection_file}'];
    mkdirSync(join(folder, 'kernels/plain'), { recursive: true });
    const spec = { argv, display_name: 'plain', language: 'python' };
    writeFileSync(join(folder, 'kernels/plain/kernel.json'), JSON.stringify(spec));
    const gateway = scope.use(await EnterpriseGateway.start({ jupyterPath: folder }), (one) => one.stop());
    const server = await startServer({ gateway, scheme: 'token' });
    const kernel = await labOn(server).open('other.ipynb', 'plain');
    expect(await run(kernel, 'print("other")')).toBe('other\n');
    const client = await ChannelClient.open(asGateway(server), kernel.id);
    await mirrored(client);
    expect(server.log).toContain('it is no Beamgate');
    await client.close();
    await kernel.shutdown();
  });
});
