import { jest } from '@jest/globals';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { call } from '../support/gateway.js';
import { cell, Lab, run, status } from '../support/lab.js';
import { NotebookServer } from '../support/notebook-server.js';
import { Scope } from '../support/scope.js';

jest.setTimeout(60_000);

/** A notebook whose kernel nobody uses, with limits of seconds instead of hours. */
describe('a kernel that is not used', () => {
  const scope = new Scope();
  let beamgate: Beamgate;
  let lab: Lab;

  beforeAll(async () => {
    const culling = { idleSeconds: 3, busySeconds: 6, warningSeconds: 1.5 };
    beamgate = scope.use(await Beamgate.start({ config: { culling } }), (one) => one.stop());
    const server = scope.use(await NotebookServer.start({ gateway: beamgate }), (one) => one.stop());
    lab = scope.use(new Lab(server), (one) => one.dispose());
  });

  it('is announced in the cell that was run last, kept by running one, and ended with the reason told', async () => {
    const kernel = await lab.open('idle.ipynb');
    const first = cell(kernel, 'kept = 1');
    await first.done;
    await first.until(({ shown }) => shown.join().includes('will be ended at'));
    expect(first.shown.join()).toContain('Run any cell to keep it.');
    const second = cell(kernel, 'print(kept)');
    await second.done;
    expect(second.text).toBe('1\n');
    await first.until(({ shown }) => shown.join().includes('is kept'));
    await second.until(({ shown }) => shown.join().includes('will be ended at'));
    await second.until(({ text }) => text.includes('idle for long'));
    await status(kernel, 'dead');
  });

  it('is not idle while it computes in the background', async () => {
    const kernel = await lab.open('thread.ipynb');
    const code = `import threading, time
def compute():
    while True: sum(range(10_000))
threading.Thread(target=compute, daemon=True).start()`;
    const sent = cell(kernel, code);
    await sent.done;
    await sent.until(({ shown }) => shown.join().includes('will be ended at'));
    await sent.until(({ shown }) => shown.join().includes('is kept'));
    expect(await run(kernel, 'print("here")')).toBe('here\n');
    await kernel.shutdown();
  });

  it('is ended when one cell runs for longer than a cell may', async () => {
    const kernel = await lab.open('busy.ipynb');
    const sent = cell(kernel, 'import time; time.sleep(600)');
    expect(await sent.done).toMatchObject({ status: 'error', evalue: expect.stringMatching(/One cell ran for 6 s/) });
    await status(kernel, 'dead');
  });

  it('may be restarted after its end, under its id', async () => {
    const kernel = await lab.open('restart.ipynb');
    const { id } = kernel;
    await run(kernel, 'here = 1');
    await status(kernel, 'dead');
    const answer = await call(beamgate, `/api/kernels/${id}/restart`, { method: 'POST' });
    expect(answer.status).toBe(200);
    const client = await ChannelClient.open(beamgate, id);
    expect((await client.execute('print("here" in globals())')).text).toBe('False\n');
    await client.close();
  });
});
