import { jest } from '@jest/globals';
import { Scope } from '../support/scope.js';
import { code, markdown } from './notebooks.js';
import { keepPicture, Workbench } from './workbench.js';

jest.setTimeout(120_000);

describe('a notebook that is left alone', () => {
  const scope = new Scope();
  let workbench: Workbench;

  beforeAll(async () => {
    const culling = { idleSeconds: 8, warningSeconds: 4 };
    workbench = await Workbench.start(scope, { config: { culling } });
  });

  afterEach(() => workbench.closeNotebooks());

  it('is warned below the cell that was run last, keeps its kernel by another cell, and is told the end', async () => {
    const notebook = await workbench.open('peak fit.ipynb', [
      markdown('# Peak fit'),
      code(
        'import numpy as np\nspectrum = np.random.default_rng(7).normal(size=2048)\nprint(spectrum.size, "channels")',
      ),
      code('spectrum.size'),
    ]);
    await notebook.status('Idle');
    await notebook.run(0);
    await notebook.done(0);
    await notebook.output(0).getByText('Run any cell to keep it.').waitFor();
    expect(await notebook.printed(0)).toMatch(
      /^2048 channels\s*\nBeamgate: this kernel will be ended at \d\d:\d\d UTC; its variables will be lost.\nIt has been idle/,
    );
    await keepPicture(notebook, 'cull-warning', true);

    await notebook.run(1);
    await notebook.output(0).getByText('this kernel is kept').waitFor();
    await notebook.output(1).getByText('2048').waitFor();
    expect(await notebook.printed(0)).toMatch(/^2048 channels\s*\nBeamgate: this kernel is kept\.$/);

    await notebook.output(1).getByText('Run any cell to keep it.').waitFor();
    await notebook.output(1).getByText('It had been idle for 8 seconds').waitFor();
    expect(notebook.reloads).toBe(0);
  });
});
