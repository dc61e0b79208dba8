import { jest } from '@jest/globals';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { Beamgate, type BeamgateOptions } from '../support/beamgate.js';
import { ChannelClient, deleteKernel, type KernelModel, startKernel } from '../support/channel-client.js';
import { call, remove } from '../support/gateway.js';
import { kernelspecs } from '../support/kernelspecs.js';
import { cell, Lab, run, status } from '../support/lab.js';
import { NotebookServer, type NotebookServerOptions } from '../support/notebook-server.js';
import { parts } from '../support/parts.js';
import { dataWithPast } from '../support/past.js';
import { eventually } from '../support/processes.js';
import { say } from '../support/say.js';
import { Scope } from '../support/scope.js';
import { endKernel, getKernel, inPhase, listKernels } from '../support/v1.js';

/* What a notebook sees while its kernel waits: through a stock notebook server, by JupyterLab's own client library. */

jest.setTimeout(90_000);

const scope = new Scope();
const oneKernel = { scheduling: { maxKernels: 1 } };

async function stack(
  options: BeamgateOptions,
  server: Partial<NotebookServerOptions> = {},
): Promise<{ beamgate: Beamgate; server: NotebookServer; lab: Lab }> {
  const beamgate = scope.use(await Beamgate.start(options), (one) => one.stop());
  const notebooks = scope.use(await NotebookServer.start({ gateway: beamgate, ...server }), (one) => one.stop());
  return { beamgate, server: notebooks, lab: scope.use(new Lab(notebooks), (one) => one.dispose()) };
}

/** Kinds of messages that a client sent and got, in order; status messages by their state. */
function traffic(kernel: Kernel.IKernelConnection): string[] {
  const kinds: string[] = [];
  kernel.anyMessage.connect((_, { msg, direction }) => {
    const { execution_state: state } = msg.content as { execution_state?: string };
    kinds.push(`${direction === 'send' ? '>' : '<'} ${state ?? msg.header.msg_type}`);
  });
  return kinds;
}
const model = async (beamgate: Beamgate, id: string): Promise<KernelModel> =>
  (await (await call(beamgate, `/api/kernels/${id}`)).json()) as KernelModel;

describe('a kernel that waits', () => {
  let beamgate: Beamgate;
  let lab: Lab;
  let server: NotebookServer;
  let holder: KernelModel;

  beforeAll(async () => {
    const data = scope.use(await dataWithPast([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), remove);
    ({ beamgate, server, lab } = await stack({ config: oneKernel, data }));
    holder = await startKernel(beamgate, 'python3');
    await inPhase(beamgate, holder.id, 'ready');
  });

  it('is introduced at once, so that the first cell is sent before there is a kernel', async () => {
    const kernel = await lab.open('introduced.ipynb');
    const kinds = traffic(kernel);
    const sent = cell(kernel, 'print("ran")');
    await sent.until(({ shown }) => shown.length > 0);
    expect((await getKernel(beamgate, kernel.id)).phase).toBe('queued');
    // JupyterLab keeps its cells until it knows what kernel it has.
    const order = ['< kernel_info_reply', '< display_data'];
    expect(kinds.filter((kind) => order.includes(kind))).toEqual(order);
    expect(await kernel.info).toMatchObject({ status: 'ok', language_info: { name: 'python' }, help_links: [] });
    await kernel.shutdown();
  });

  it('is told with the same words and numbers in the cell, in the model and on /v1', async () => {
    const kernel = await lab.open('words.ipynb');
    const sent = cell(kernel, 'print("ran")');
    await sent.until(({ shown }) => /position 1 of 1/.test(shown.join()));
    const { queue } = (await model(beamgate, kernel.id)) as { queue?: { text: string; expectedStart: object } };
    const { wait } = await getKernel(beamgate, kernel.id);
    expect(queue?.text).toMatch(
      /^Queued: position 1 of 1\. The one kernel place is taken; the next free place is yours\. Expected start: in \d to \d+ minutes\. Shutting down your own kernel \S+ would start it\.$/,
    );
    expect(wait?.text).toBe(queue?.text);
    expect(queue?.expectedStart).toEqual({ earliest: expect.any(Number), latest: expect.any(Number) });
    await sent.until(({ shown }) => shown.join().replaceAll('\n', ' ').startsWith(String(queue?.text)));
    await kernel.shutdown();
  });

  it('gives its cells back when it is interrupted, and keeps its place', async () => {
    const kernel = await lab.open('interrupted.ipynb');
    const behind = await startKernel(beamgate, 'python3');
    const [first, second] = [cell(kernel, 'print("first")'), cell(kernel, 'print("second")')];
    await first.until(({ shown }) => /position 1 of 2/.test(shown.join()));
    expect(first.shown.join()).toMatch(/Interrupt takes waiting cells back and keeps the place/);
    await kernel.interrupt();
    expect(await first.done).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
    expect(await second.done).toMatchObject({ status: 'aborted' });
    expect(first.shown).toEqual([expect.stringMatching(/taken back before it ran\. The notebook keeps its place/)]);
    expect((await getKernel(beamgate, kernel.id)).wait).toMatchObject({ position: 1, of: 2 });

    const third = cell(kernel, 'print("third")');
    await third.until(({ shown }) => /position 1 of 2/.test(shown.join()));
    await deleteKernel(beamgate, holder.id);
    await third.done;
    expect(third.shown).toEqual(['third\n']);
    expect(first.text + second.text).toBe('');
    await kernel.shutdown();
    await inPhase(beamgate, behind.id, 'ready');
    holder = behind;
  });

  it.each(['from the notebook', 'on /v1'])('gives its place up when it is shut down %s', async (how) => {
    const kernel = await lab.open(`given-up ${how.replaceAll('/', '')}.ipynb`);
    const sent = cell(kernel, 'print("never")');
    await sent.until(({ shown }) => /position 1 of 1/.test(shown.join()));
    const { id } = kernel;
    const dead = status(kernel, 'dead');
    if (how === 'on /v1') await endKernel(beamgate, id);
    else await kernel.shutdown();
    await dead;
    expect(await getKernel(beamgate, id)).toMatchObject({ phase: 'ended', endReason: 'shut-down' });
    expect((await listKernels(beamgate)).filter(({ phase }) => phase === 'queued')).toEqual([]);
    expect(sent.text).toBe('');
  });

  it('waits on when its notebook is only closed, and is given up when it is closed for good', async () => {
    const session = await lab.session('closed.ipynb');
    const kernel = session.kernel as Kernel.IKernelConnection;
    const { id } = kernel;
    await cell(kernel, 'print("never")').until(({ shown }) => shown.length > 0);
    const other = scope.use(new Lab(server), (one) => one.dispose());
    kernel.dispose();
    expect((await getKernel(beamgate, id)).phase).toBe('queued');
    await other.sessions.shutdown(session.id);
    await eventually('it left the queue', async () =>
      (await getKernel(beamgate, id)).phase === 'ended' ? true : undefined,
    );
  });

  it('is introduced also after the service was killed and no kernel has started since', async () => {
    await beamgate.kill();
    await beamgate.startAgain();
    const { id } = await startKernel(beamgate, 'python3');
    const client = await ChannelClient.open(beamgate, id);
    const reply = await client.request('control', 'kernel_info_request');
    expect(reply.content).toMatchObject({ status: 'ok', language_info: { name: 'python' } });
    expect((await getKernel(beamgate, id)).phase).toBe('queued');
    await client.close();
    await deleteKernel(beamgate, id);
  });
});

describe('a launch that fails', () => {
  const LAUNCH_TIMEOUT = 5;
  let beamgate: Beamgate;
  let lab: Lab;

  beforeAll(async () => {
    const { python } = parts();
    const script = (text: string) => [python, '-c', `import sys, time\n${text}`, '{connection_file}'];
    const folder = kernelspecs({
      missing: ['/no/such/kernel', '{connection_file}'],
      leaves: script('print("no licence at", time.time(), file=sys.stderr)\nsys.exit(3)'),
      silent: script('print("looking for a licence", file=sys.stderr, flush=True)\ntime.sleep(600)'),
    });
    scope.use(folder, remove);
    const config = { kernels: { launchTimeoutSeconds: LAUNCH_TIMEOUT } };
    // A notebook server asks for the longer of its own launch timeout, 40 s, and its patience less 2 s.
    const server = {
      env: { KERNEL_LAUNCH_TIMEOUT: String(LAUNCH_TIMEOUT) },
      flags: [`--GatewayClient.request_timeout=${LAUNCH_TIMEOUT + 2}`],
    };
    ({ beamgate, lab } = await stack({ config, env: { JUPYTER_PATH: folder } }, server));
  });

  const told = (kernel: Kernel.IKernelConnection): Promise<{ at: number; error: KernelMessage.IErrorMsg['content'] }> =>
    new Promise((resolve) =>
      kernel.iopubMessage.connect((_, { header, content }) => {
        if (header.msg_type === 'error') resolve({ at: Date.now(), error: content as never });
      }),
    );

  it.each<[string, RegExp, (kernel: { admittedAt: number; error: string }) => number]>([
    ['missing', /could not be started.*\/no\/such\/kernel/s, ({ admittedAt }) => admittedAt],
    [
      'leaves',
      /could not be started.*exit code 3.*no licence at/s,
      ({ error }) => Number(/no licence at ([\d.]+)/.exec(error)?.[1]) * 1000,
    ],
    [
      'silent',
      /could not be started.*did not answer within 5 seconds.*looking for a licence/s,
      ({ admittedAt }) => admittedAt + LAUNCH_TIMEOUT * 1000,
    ],
  ])('says so in the cell within 2 s of the fact: %s', async (name, reason, fact) => {
    const kernel = await lab.open(`${name}.ipynb`, name);
    const { id } = kernel;
    const asked = Date.now();
    const failed = told(kernel);
    const dead = status(kernel, 'dead');
    cell(kernel, '1');
    const { at, error } = await failed;
    await dead;
    expect(error.evalue).toMatch(reason);
    const view = await getKernel(beamgate, id);
    expect(view).toMatchObject({ phase: 'ended', endReason: 'launch-failed', executionState: 'dead' });
    const admittedAt = Date.parse(String(view['admittedAt']));
    const happened = fact({ admittedAt, error: error.evalue });
    say(
      `launch failed (${name}): told ${Math.round(at - happened)} ms after the fact, ${at - asked} ms after the cell`,
    );
    // What failed before the notebook could ask is told when it asks.
    expect(at - Math.max(happened, asked)).toBeLessThan(2000);
    expect(await model(beamgate, id)).toMatchObject({ execution_state: 'dead', reason: expect.stringMatching(/./) });
  });

  it('has the next try answered as well', async () => {
    const kernel = await lab.open('works.ipynb');
    expect(await run(kernel, 'print("works")')).toBe('works\n');
    await kernel.shutdown();
  });
});
