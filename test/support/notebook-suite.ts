import type { Kernel } from '@jupyterlab/services';
import { deleteKernel } from './channel-client.js';
import { type Address, call } from './gateway.js';
import { cell, connection, Lab, overheard, run, status } from './lab.js';
import { NotebookServer } from './notebook-server.js';
import { Scope } from './scope.js';

/** Where a notebook server is put. */
export interface NotebookSite {
  gateway: Address;
  /** Of the notebooks, where the kernels see it too; default: a new temporary one. */
  folder?: string;
}

/**
 * What a notebook server must find behind it, stock and with our add-on, driven by JupyterLab's own client.
 *
 * @param site  called once for each of the two; ends with the scope what it started
 */
export const describeNotebookServer = (site: (scope: Scope) => Promise<NotebookSite>): void =>
  describe.each([
    ['a stock notebook server', false],
    ['a notebook server with the add-on', true],
  ])('%s', (_, addOn) => {
    const scope = new Scope();
    let gateway: Address;
    let server: NotebookServer;
    let lab: Lab;
    const closing = <T extends { dispose(): void }>(thing: T): T => scope.use(thing, (one) => one.dispose());

    beforeAll(async () => {
      const at = await site(scope);
      gateway = at.gateway;
      server = scope.use(await NotebookServer.start({ ...at, addOn }), (one) => one.stop());
      lab = closing(new Lab(server));
    });

    it('offers the kernelspecs with their logos', async () => {
      await lab.specs.ready;
      const spec = lab.specs.specs?.kernelspecs['python3'];
      expect(lab.specs.specs?.default).toBe('python3');
      expect(spec?.language).toBe('python');
      for (const name of ['logo-64x64', 'logo-svg']) {
        const path = spec?.resources[name] ?? 'none';
        const logo = await fetch(new URL(path, server.url), { headers: { authorization: `token ${server.token}` } });
        expect(`${name} ${logo.status}`).toBe(`${name} 200`);
        expect((await logo.arrayBuffer()).byteLength).toBeGreaterThan(100);
      }
    });

    it('starts a kernel in the folder of the notebook and runs cells', async () => {
      const kernel = await lab.open('cells.ipynb');
      expect(await run(kernel, 'import os; print(os.getcwd())')).toBe(`${server.folder}\n`);
      const failed = await cell(kernel, '1/0').done;
      expect(failed).toMatchObject({ status: 'error', ename: 'ZeroDivisionError' });
      const shown = cell(kernel, '6 * 7');
      await shown.done;
      expect(shown.shown).toEqual(['42']);
      expect((await kernel.info).language_info.name).toBe('python');
      await kernel.shutdown();
    });

    it('completes and inspects', async () => {
      const kernel = await lab.open('complete.ipynb');
      const { content } = await kernel.requestComplete({ code: 'impor', cursor_pos: 5 });
      expect(content).toMatchObject({ status: 'ok', matches: expect.arrayContaining(['import']) });
      await kernel.shutdown();
    });

    it('interrupts a cell', async () => {
      const kernel = await lab.open('interrupt.ipynb');
      const sent = cell(kernel, 'import time\nprint("begun", flush=True)\ntime.sleep(600)');
      await sent.until(({ text }) => text.includes('begun'));
      await kernel.interrupt();
      expect(await sent.done).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
      expect(await run(kernel, 'print("on")')).toBe('on\n');
      await kernel.shutdown();
    });

    it('restarts a kernel: same id, no variables', async () => {
      const kernel = await lab.open('restart.ipynb');
      await run(kernel, 'here = 1');
      const { id } = kernel;
      await kernel.restart();
      expect(await run(kernel, 'print("here" in globals())')).toBe('False\n');
      expect(kernel.id).toBe(id);
      await kernel.shutdown();
    });

    it('restarts a kernel that is busy', async () => {
      const kernel = await lab.open('restart-busy.ipynb');
      // What JupyterLab asks by itself while it connects would wait behind the cell, and its restart fails what waits.
      await run(kernel, 'None');
      const sent = cell(kernel, 'import time\nprint("begun", flush=True)\ntime.sleep(600)');
      await sent.until(({ text }) => text.includes('begun'));
      await kernel.restart();
      expect(await run(kernel, 'print("on")')).toBe('on\n');
      await kernel.shutdown();
    });

    it('answers a cell that asks for input', async () => {
      const kernel = await lab.open('stdin.ipynb');
      expect(await run(kernel, 'print("hello", input("name? "))', ['Ada'])).toBe('hello Ada\n');
      await kernel.shutdown();
    });

    it('carries comms both ways', async () => {
      const kernel = await lab.open('comm.ipynb');
      await run(
        kernel,
        `
from comm import get_comm_manager
def opened(comm, message):
    comm.on_msg(lambda m: comm.send({'echo': m['content']['data']['word'] * 2}))
get_comm_manager().register_target('echo', opened)`,
      );
      const comm = kernel.createComm('echo');
      const echoed = new Promise((resolve) => {
        comm.onMsg = (message) => resolve(message.content.data);
      });
      await comm.open({}).done;
      await comm.send({ word: 'ab' }).done;
      expect(await echoed).toEqual({ echo: 'abab' });

      const opened = new Promise((resolve) => {
        kernel.registerCommTarget('ours', (_, message) => resolve(message.content.data));
      });
      await run(kernel, "from comm import create_comm\ncreate_comm(target_name='ours', data={'from': 'kernel'})");
      expect(await opened).toEqual({ from: 'kernel' });
      // JupyterLab makes a subshell per comm target by itself; the control channel keeps order, so those are there then.
      const { content } = await kernel.requestCreateSubshell({}).done;
      expect(content).toMatchObject({ status: 'ok', subshell_id: expect.any(String) });
      await kernel.shutdown();
    });

    it('serves two clients on one kernel: both see the outputs, each its own replies', async () => {
      const kernel = await lab.open('two.ipynb');
      const other = closing(new Lab(server)).kernels.connectTo({ model: kernel.model });
      const heard = overheard(other, (text) => text.endsWith('\n'));
      await other.info;
      expect(await run(kernel, 'shared = 5; print("one")')).toBe('one\n');
      expect(await heard).toBe('one\n');
      expect(await run(other, 'print(shared)')).toBe('5\n');
      await kernel.shutdown();
    });

    it('reconnects: a cell that ran meanwhile is complete', async () => {
      const kernel = await lab.open('reconnect.ipynb');
      await run(kernel, 'None');
      const sent = cell(kernel, 'import time\nfor n in range(20):\n    print(n, flush=True)\n    time.sleep(0.05)');
      await sent.until(({ text }) => text.includes('3\n'));
      await kernel.reconnect();
      await connection(kernel, 'connected');
      expect(await sent.done).toMatchObject({ status: 'ok' });
      expect(sent.text.split('\n').filter(Boolean).at(-1)).toBe('19');
      await kernel.shutdown();
    });

    it('shows a kernel that died: the cell fails with the reason, and the kernel is there again by itself', async () => {
      const kernel = await lab.open('died.ipynb');
      await run(kernel, 'kept = 1');
      const { id } = kernel;
      const restarting = status(kernel, 'autorestarting');
      const sent = cell(kernel, 'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)');
      await restarting;
      expect(sent.shown.join('\n')).toMatch(/SIGKILL.*started again; its variables are lost/);
      await connection(kernel, 'connected');
      expect(await run(kernel, 'print("kept" in globals())')).toBe('False\n');
      expect(kernel.id).toBe(id);
      await kernel.shutdown();
    });

    it('says why a kernel is refused', async () => {
      const refused = lab.open('refused.ipynb', 'no-such-kernelspec');
      await expect(refused).rejects.toThrow(/no-such-kernelspec/);
    });

    it('finds its kernels again after it was killed', async () => {
      const kernel = await lab.open('found.ipynb');
      await run(kernel, 'kept = "still here"');
      await server.killAndStartAgain();
      const again = closing(new Lab(server));
      const response = await call(gateway, '/api/kernels');
      const listed = (await response.json()) as Kernel.IModel[];
      expect(listed.map(({ id }) => id)).toContain(kernel.id);
      // As a browser that reloads: a session on the kernel id that the notebook remembers.
      const session = await again.sessions.startNew({
        path: 'found.ipynb',
        name: 'found.ipynb',
        type: 'notebook',
        kernel: { id: kernel.id } as object,
      });
      expect(session.kernel?.id).toBe(kernel.id);
      expect(await run(session.kernel as Kernel.IKernelConnection, 'print(kept)')).toBe('still here\n');
      await deleteKernel(gateway, kernel.id);
    });
  });
