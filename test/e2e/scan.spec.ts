import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { Scope } from '../support/scope.js';
import { tomography } from './tomography.js';
import { keepPicture, Workbench } from './workbench.js';

jest.setTimeout(120_000);

describe('a tomography scan in JupyterLab', () => {
  const scope = new Scope();
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start(scope);
  });

  afterEach(() => workbench.closeNotebooks());

  it('is written as HDF5, loaded by its relative path, printed and plotted', async () => {
    const notebook = await workbench.open('scan 42.ipynb', tomography);
    const [make, load, , plot] = [0, 1, 2, 3];
    await notebook.status('Idle');
    await notebook.menu('Run', 'Run All Cells');

    const figure = notebook.output(plot).locator('img');
    await figure.waitFor();
    await notebook.done(plot);
    expect(existsSync(join(workbench.server.folder, 'scan_0042.h5'))).toBe(true);
    expect(await notebook.printed(make)).toBe('');
    expect(await notebook.printed(load)).toBe('(120, 160) float32: mean 56.89, deviation 35.84');
    const drawn = await figure.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth);
    expect(drawn).toBeGreaterThan(600);
    expect(await notebook.kernelName.textContent()).toBe('Python 3');
    expect(await notebook.dialogs.count()).toBe(0);

    await notebook.save();
    await keepPicture(notebook, 'jupyterlab', true);
  });
});
