import { createHash, randomBytes } from 'node:crypto';
import { jest } from '@jest/globals';
import { Beamgate, POOLS } from '../support/beamgate.js';
import { cell, Lab, run } from '../support/lab.js';
import { NotebookServer } from '../support/notebook-server.js';
import { Scope } from '../support/scope.js';

jest.setTimeout(60_000);

/** What a stock notebook server cannot do through any gateway. */
describe('a notebook server with the add-on', () => {
  const scope = new Scope();
  let beamgate: Beamgate;
  let lab: Lab;

  beforeAll(async () => {
    beamgate = scope.use(await Beamgate.start({ config: POOLS }), (one) => one.stop());
    const server = scope.use(await NotebookServer.start({ gateway: beamgate, addOn: true }), (one) => one.stop());
    lab = scope.use(new Lab(server), (one) => one.dispose());
  });

  it('carries buffers of 1 MB both ways, byte for byte', async () => {
    const kernel = await lab.open('buffers.ipynb');
    await run(
      kernel,
      `import hashlib
def opened(comm, message):
    @comm.on_msg
    def back(message):
        data = bytes(message['buffers'][0])
        comm.send({'sha256': hashlib.sha256(data).hexdigest()}, buffers=[data[::-1]])
get_ipython().kernel.comm_manager.register_target('mirror', opened)`,
    );
    const comm = kernel.createComm('mirror');
    const { promise, resolve } = Promise.withResolvers<{ sha256: unknown; buffer: Uint8Array }>();
    comm.onMsg = ({ content, buffers }) => {
      const [buffer] = buffers as DataView[];
      const { byteOffset = 0, byteLength = 0 } = buffer ?? {};
      const bytes = new Uint8Array((buffer as DataView).buffer as ArrayBuffer, byteOffset, byteLength);
      resolve({ sha256: content.data['sha256'], buffer: bytes });
    };
    await comm.open().done;
    const sent = randomBytes(1024 * 1024);
    void comm.send({}, {}, [new Uint8Array(sent)]);
    const { sha256, buffer } = await promise;
    expect(sha256).toBe(createHash('sha256').update(sent).digest('hex'));
    expect(Buffer.from(buffer).equals(Buffer.from(sent).reverse())).toBe(true);
    await kernel.shutdown();
  });

  it('sends cells that were typed while the service was away, in order, once each', async () => {
    const kernel = await lab.open('outage.ipynb');
    await run(kernel, 'typed = []');
    await beamgate.kill();
    const cells = [1, 2, 3].map((number) => cell(kernel, `typed.append(${number}); print(typed)`));
    await beamgate.startAgain();
    expect((await Promise.all(cells.map(({ done }) => done))).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
    expect(cells.map(({ text }) => text)).toEqual(['[1]\n', '[1, 2]\n', '[1, 2, 3]\n']);
    await kernel.shutdown();
  });

  it('shows in a cell what it printed while the service was away', async () => {
    const kernel = await lab.open('meanwhile.ipynb');
    const sent = cell(kernel, "import time\nfor n in range(40): print(n, flush=True); time.sleep(0.05)\n'the value'");
    await sent.until(({ text }) => text.includes('3\n'));
    await beamgate.kill();
    await beamgate.startAgain();
    expect((await sent.done).status).toBe('ok');
    expect(sent.text).toBe(Array.from({ length: 40 }, (_, number) => `${number}\n`).join(''));
    expect(sent.of('execute_result')).toHaveLength(1);
    await kernel.shutdown();
  });
});
