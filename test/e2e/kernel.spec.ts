import { jest } from '@jest/globals';
import { Scope } from '../support/scope.js';
import { code } from './notebooks.js';
import { keepPicture, Workbench } from './workbench.js';

jest.setTimeout(120_000);

describe('the kernel menu of JupyterLab', () => {
  const scope = new Scope();
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start(scope);
  });

  afterEach(() => workbench.closeNotebooks());

  it('restarts the kernel: its variables are gone', async () => {
    const notebook = await workbench.open('restart.ipynb', [code('here = 1'), code('print("here" in globals())')]);
    await notebook.status('Idle');
    await notebook.menu('Run', 'Run All Cells');
    await notebook.output(1).getByText('True').waitFor();

    await notebook.menu('Kernel', 'Restart Kernel…');
    await notebook.answer('Restart');
    await notebook.status('Idle');
    await notebook.run(1);
    await notebook.output(1).getByText('False').waitFor();
    expect(await notebook.dialogs.count()).toBe(0);
  });

  it('interrupts a cell; the kernel and its variables stay', async () => {
    const endless = 'import time\nkept = "kept"\nprint("begun", flush=True)\ntime.sleep(600)';
    const notebook = await workbench.open('interrupt.ipynb', [code(endless), code('print(kept)')]);
    await notebook.status('Idle');
    await notebook.run(0);
    await notebook.output(0).getByText('begun').waitFor();
    await notebook.status('Busy');

    await notebook.menu('Kernel', 'Interrupt Kernel');
    await notebook.output(0).getByText('KeyboardInterrupt').first().waitFor();
    await notebook.done(0);
    await notebook.run(1);
    await notebook.output(1).getByText('kept').waitFor();
  });

  it('says in the cell that the kernel died and why, and that it is there again', async () => {
    const notebook = await workbench.open('dead.ipynb', [code('import os\nos._exit(3)'), code('print(6 * 7)')]);
    await notebook.status('Idle');
    await notebook.run(0);
    await notebook.output(0).getByText('The kernel exited with code 3. It was started again').waitFor();
    await notebook.dialogs.getByText('appears to have died').waitFor();
    await keepPicture(notebook, 'dead-kernel');
    await notebook.answer('Ok');
    await notebook.status('Idle');
    await notebook.run(1);
    await notebook.output(1).getByText('42').waitFor();
    expect(await notebook.dialogs.count()).toBe(0);
  });
});
