import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { Kernel } from '@jupyterlab/services';
import { Beamgate, POOLS } from '../support/beamgate.js';
import { cell, Lab, overheard, run } from '../support/lab.js';
import { NotebookServer } from '../support/notebook-server.js';
import { agentRecord, ended } from '../support/processes.js';
import { Scope } from '../support/scope.js';

jest.setTimeout(180_000);

/** Longer than the 34 s in which a stock notebook server tries; only then is it worth the wait. */
const LONG_OUTAGE_MS = process.env['BEAMGATE_FULL'] === '1' ? 45_000 : 0;

/** What a stock notebook server cannot do through any gateway. */
describe('a notebook server with the add-on', () => {
  const scope = new Scope();
  let beamgate: Beamgate;
  let server: NotebookServer;
  let lab: Lab;

  beforeAll(async () => {
    beamgate = scope.use(await Beamgate.start({ config: POOLS }), (one) => one.stop());
    server = scope.use(await NotebookServer.start({ gateway: beamgate, addOn: true }), (one) => one.stop());
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

  it('says in a cell that was run meanwhile that it waits, and shows its output afterwards, however long it takes', async () => {
    const kernel = await lab.open('long-outage.ipynb');
    await run(kernel, 'kept = 41');
    await beamgate.kill();
    const sent = cell(kernel, 'kept + 1');
    await sent.until(({ shown }) => shown.length > 0);
    expect(sent.shown).toEqual([
      expect.stringMatching(/^Beamgate can't be reached since .*\nThis cell runs as soon as/),
    ]);
    // The way back is by REST, which is away too: that is said at once, and the cell waits on.
    await expect(kernel.interrupt()).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, LONG_OUTAGE_MS));
    await beamgate.startAgain();
    expect((await sent.done).status).toBe('ok');
    expect(sent.shown).toEqual(['42']);
    await kernel.shutdown();
  });

  it('ends what was asked of a kernel that ended meanwhile, and says why', async () => {
    const kernel = await lab.open('ended.ipynb');
    await run(kernel, 'None');
    const sent = cell(kernel, 'print("begun", flush=True)\nimport time\ntime.sleep(600)');
    await sent.until(({ text }) => text.includes('begun'));
    const { pid } = agentRecord(beamgate.data, kernel.id);
    await beamgate.kill();
    const later = cell(kernel, 'print("never")');
    const end = ended(pid);
    process.kill(pid, 'SIGKILL');
    await end;
    const dead = new Promise<void>((resolve) => {
      kernel.statusChanged.connect((_, status) => status === 'dead' && resolve());
    });
    await beamgate.startAgain();
    await dead;
    expect([sent, later].map(({ shown }) => shown.at(-1))).toEqual([
      expect.stringMatching(/kernel/i),
      expect.stringMatching(/kernel/i),
    ]);
  });

  it('gives a browser that was cut off what it did not get', async () => {
    const kernel = await lab.open('cut-off.ipynb');
    await run(kernel, 'None');
    const watched = join(server.folder, 'watched');
    const sent = cell(
      kernel,
      `import os, time
for n in range(200): print('x' * 20_000, n, flush=True)
while not os.path.exists('${watched}'): print('.', flush=True); time.sleep(0.05)
print('end', flush=True)`,
    );
    await sent.until(({ text }) => text.includes('3\n'));
    // Its connection is there and dead, as that of a laptop that sleeps.
    const { _ws: socket } = kernel as Kernel.IKernelConnection & { _ws: { pause(): void; terminate(): void } };
    socket.pause();
    const other = scope.use(new Lab(server), (one) => one.dispose()).kernels.connectTo({ model: kernel.model });
    await overheard(other, (text) => text.endsWith('.\n'));
    const end = overheard(other, (text) => text.endsWith('end\n'));
    writeFileSync(watched, '');
    await end;
    socket.terminate();
    expect((await sent.done).status).toBe('ok');
    await sent.until(({ text }) => text.endsWith('end\n'));
    const numbers = [...new Set([...sent.text.matchAll(/x (\d+)$/gm)].map(([, number]) => Number(number)))];
    expect(numbers).toEqual(Array.from({ length: 200 }, (_, number) => number));
    await kernel.shutdown();
  });
});

describe('a kernel that waits, through the add-on', () => {
  const scope = new Scope();

  it('says in its first cell that it is queued', async () => {
    const beamgate = scope.use(await Beamgate.start({ config: { scheduling: { maxKernels: 1 } } }), (one) =>
      one.stop(),
    );
    const server = scope.use(await NotebookServer.start({ gateway: beamgate, addOn: true }), (one) => one.stop());
    const lab = scope.use(new Lab(server), (one) => one.dispose());
    const first = await lab.open('first.ipynb');
    await run(first, 'None');
    const second = await lab.open('second.ipynb');
    const sent = cell(second, 'print("there")');
    await sent.until(({ shown }) => shown.length > 0);
    expect(sent.shown[0]).toMatch(/^Queued: position 1 of 1/);
    await beamgate.kill();
    await beamgate.startAgain();
    await first.shutdown();
    expect((await sent.done).status).toBe('ok');
    expect(sent.shown).toEqual(['there\n']);
    await second.shutdown();
  });
});
