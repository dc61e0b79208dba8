import { jest } from '@jest/globals';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient, type KernelModel, startKernel } from '../support/channel-client.js';
import { call } from '../support/gateway.js';
import { cell, Lab, run, status } from '../support/lab.js';
import { NotebookServer } from '../support/notebook-server.js';
import { Scope } from '../support/scope.js';

jest.setTimeout(60_000);

/** The kernel's model, once it is so. */
async function model(beamgate: Beamgate, id: string, is: (kernel: KernelModel) => boolean): Promise<KernelModel> {
  for (;;) {
    const kernel = (await (await call(beamgate, `/api/kernels/${id}`)).json()) as KernelModel;
    if (is(kernel)) return kernel;
  }
}

/** Notebooks whose kernels nobody uses, with limits of seconds instead of hours. */
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
    await second.until(({ text }) => /had been idle for 3 seconds/.test(text));
    await status(kernel, 'dead');
  });

  it('is kept by REST', async () => {
    const kernel = await lab.open('kept.ipynb');
    const sent = cell(kernel, 'pass');
    await sent.done;
    await sent.until(({ shown }) => shown.join().includes('will be ended at'));
    const view = async (method: string, path = ''): Promise<object> =>
      (await call(beamgate, `/v1/kernels/${kernel.id}${path}`, { method })).json() as Promise<object>;
    expect(await view('GET')).toMatchObject({ ending: { reason: 'culled' } });
    expect(await view('POST', '/keep')).toMatchObject({ ending: null, phase: 'ready' });
    await sent.until(({ shown }) => shown.join().includes('is kept'));
    await kernel.shutdown();
  });

  it('is in use while a thread of it computes, and not even announced', async () => {
    const kernel = await lab.open('thread.ipynb');
    const code = `import threading
def compute():
    while True: sum(range(10_000))
threading.Thread(target=compute, daemon=True).start()`;
    const sent = cell(kernel, code);
    await sent.done;
    const { last_activity } = await model(beamgate, kernel.id, (one) => one.execution_state === 'idle');
    await model(beamgate, kernel.id, (one) => Date.parse(one.last_activity) > Date.parse(last_activity) + 1000);
    expect(await run(kernel, 'print("here")')).toBe('here\n');
    expect(sent.shown).toEqual([]);
    await kernel.shutdown();
  });

  it('is ended when one cell runs for longer than a cell may', async () => {
    const kernel = await lab.open('busy.ipynb');
    const sent = cell(kernel, 'import time; time.sleep(600)');
    expect(await sent.done).toMatchObject({ evalue: expect.stringMatching(/busy without a pause for 6 seconds/) });
    await status(kernel, 'dead');
  });

  it('is kept neither by an open socket nor by one that comes and asks what it is', async () => {
    const { id } = await startKernel(beamgate, 'python3');
    const watching = await ChannelClient.open(beamgate, id);
    const dead = watching.next(({ content }) => content['execution_state'] === 'dead');
    const gone = new AbortController();
    void dead.then(() => gone.abort());
    while (!gone.signal.aborted) {
      const client = await ChannelClient.open(beamgate, id);
      await client.request('shell', 'kernel_info_request');
      await client.close();
    }
    expect(await model(beamgate, id, () => true)).toMatchObject({
      execution_state: 'dead',
      reason: expect.stringContaining('It had been idle for 3 seconds'),
    });
    await watching.close();
  });

  it('tells who comes later why it ended, and may be restarted under its id', async () => {
    const { id } = await startKernel(beamgate, 'python3');
    await model(beamgate, id, (one) => one.execution_state === 'dead');
    await beamgate.kill();
    await beamgate.startAgain();
    const client = await ChannelClient.open(beamgate, id);
    const { reply } = await client.execute('1');
    expect(reply.content).toMatchObject({ status: 'error', ename: 'KernelEnded' });
    expect(reply.content['evalue']).toMatch(/time limit.*had been idle for 3 seconds; the limit is 3 seconds/);
    const answer = await call(beamgate, `/api/kernels/${id}/restart`, { method: 'POST' });
    expect(answer.status).toBe(200);
    expect((await client.execute('print("here" in globals())')).text).toBe('False\n');
    await client.close();
  });

  it('warns in the right cell after the service was killed', async () => {
    const { id } = await startKernel(beamgate, 'python3');
    const session = 'returns';
    const before = await ChannelClient.open(beamgate, id, { session });
    const { reply } = await before.execute('kept = 1');
    const closed = before.closed;
    await beamgate.kill();
    await closed;
    await beamgate.startAgain();
    const after = await ChannelClient.open(beamgate, id, { session });
    const warning = await after.next(({ header }) => header['msg_type'] === 'display_data');
    expect(warning.parent_header['msg_id']).toBe(reply.parent_header['msg_id']);
    expect(JSON.stringify(warning.content)).toContain('will be ended at');
    await after.close();
  });
});

describe('an idle kernel whose place another one needs', () => {
  const scope = new Scope();
  let beamgate: Beamgate;

  beforeAll(async () => {
    const reclaim = { enabled: true, idleSeconds: 1, warningSeconds: 2 };
    const config = { reclaim, scheduling: { maxKernels: 1 } };
    beamgate = scope.use(await Beamgate.start({ config }), (one) => one.stop());
  });

  it('is warned, ended with the reason, and comes back when it is restarted', async () => {
    const first = await startKernel(beamgate, 'python3');
    const client = await ChannelClient.open(beamgate, first.id);
    await client.execute('here = 1');
    const warning = client.next(({ header }) => header['msg_type'] === 'display_data');
    const end = client.next(({ header }) => header['msg_type'] === 'stream');
    const second = await startKernel(beamgate, 'python3');
    expect(JSON.stringify((await warning).content)).toContain('Others wait for its place');
    expect((await end).content['text']).toContain('to make room for others');
    const other = await ChannelClient.open(beamgate, second.id);
    expect((await other.execute('print(1)')).text).toBe('1\n');
    await call(beamgate, `/api/kernels/${first.id}/restart`, { method: 'POST' });
    await call(beamgate, `/api/kernels/${second.id}`, { method: 'DELETE' });
    expect((await client.execute('print("here" in globals())')).text).toBe('False\n');
    await Promise.all([client.close(), other.close()]);
  });
});
