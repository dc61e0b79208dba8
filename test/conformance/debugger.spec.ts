import { jest } from '@jest/globals';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { Beamgate, POOLS } from '../support/beamgate.js';
import { cell, Lab } from '../support/lab.js';
import { NotebookServer } from '../support/notebook-server.js';
import { Scope } from '../support/scope.js';

jest.setTimeout(60_000);

const scope = new Scope();

const CODE = 'def area(side):\n    square = side * side\n    return square\n\nprint(area(7))\n';

/** The debug adapter protocol of one kernel, as JupyterLab's debugger speaks it over the control channel. */
class Debugger {
  private seq = 0;

  constructor(private readonly kernel: Kernel.IKernelConnection) {}

  async ask(command: string, args: object = {}): Promise<Record<string, unknown>> {
    this.seq += 1;
    const request = { seq: this.seq, type: 'request', command, arguments: args };
    const future = this.kernel.requestDebug(request as KernelMessage.IDebugRequestMsg['content']);
    const { content } = await future.done;
    const reply = content as unknown as { success: boolean; message?: string; body?: Record<string, unknown> };
    if (!reply.success) throw new Error(`${command}: ${reply.message}`);
    return reply.body ?? {};
  }

  /** The next event of that name. */
  event(name: string): Promise<Record<string, unknown>> {
    return new Promise((resolve) => {
      const take = (_: unknown, message: KernelMessage.IIOPubMessage) => {
        const content = message.content as { event?: string; body?: Record<string, unknown> };
        if (message.header.msg_type !== 'debug_event' || content.event !== name) return;
        this.kernel.iopubMessage.disconnect(take);
        resolve(content.body ?? {});
      };
      this.kernel.iopubMessage.connect(take);
    });
  }
}

it.each([
  ['a stock notebook server', false],
  ['the add-on', true],
])('the debugger stops at a breakpoint, steps, shows variables and goes on, through %s', async (_, addOn) => {
  const beamgate = scope.use(await Beamgate.start({ config: POOLS }), (one) => one.stop());
  const server = scope.use(await NotebookServer.start({ gateway: beamgate, addOn }), (one) => one.stop());
  const lab = scope.use(new Lab(server), (one) => one.dispose());
  const kernel = await lab.open('debug.ipynb');
  const debug = new Debugger(kernel);
  expect(await kernel.info).toMatchObject({ supported_features: expect.arrayContaining(['debugger']) });

  await debug.ask('initialize', { clientID: 'test', adapterID: '', linesStartAt1: true, columnsStartAt1: true });
  await debug.ask('attach', { justMyCode: true });
  const { sourcePath } = await debug.ask('dumpCell', { code: CODE });
  const { breakpoints } = await debug.ask('setBreakpoints', {
    source: { path: sourcePath },
    breakpoints: [{ line: 2 }],
    sourceModified: false,
  });
  expect(breakpoints).toMatchObject([{ verified: true, line: 2 }]);
  await debug.ask('configurationDone');

  const atBreakpoint = debug.event('stopped');
  const sent = cell(kernel, CODE);
  const { threadId, reason } = await atBreakpoint;
  expect(reason).toBe('breakpoint');
  const place = async () => {
    const { stackFrames } = await debug.ask('stackTrace', { threadId });
    return (stackFrames as { id: number; name: string; line: number }[])[0];
  };
  expect(await place()).toMatchObject({ name: 'area', line: 2 });

  const stepped = debug.event('stopped');
  await debug.ask('next', { threadId });
  await stepped;
  const frame = await place();
  expect(frame).toMatchObject({ name: 'area', line: 3 });
  const { scopes } = await debug.ask('scopes', { frameId: frame?.id });
  const [{ variablesReference } = { variablesReference: 0 }] = scopes as { variablesReference: number }[];
  const { variables } = await debug.ask('variables', { variablesReference });
  expect(variables).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'square', value: '49' })]));

  await debug.ask('continue', { threadId });
  expect(await sent.done).toMatchObject({ status: 'ok' });
  expect(sent.text).toBe('49\n');
  await debug.ask('disconnect', { restart: false, terminateDebuggee: false });
  await kernel.shutdown();
});
