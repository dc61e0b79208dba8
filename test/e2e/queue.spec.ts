import { jest } from '@jest/globals';
import { Scope } from '../support/scope.js';
import { code, markdown } from './notebooks.js';
import { keepPicture, Workbench } from './workbench.js';

jest.setTimeout(120_000);

describe('a notebook whose kernel waits', () => {
  const scope = new Scope();
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start(scope, { config: { scheduling: { maxKernels: 1 } } });
  });

  afterEach(() => workbench.closeNotebooks());

  it('shows position and reason in the cell that was run, and its output once there is room', async () => {
    const first = await workbench.open('beam centre.ipynb', [code('print("first")')]);
    await first.status('Idle');
    await first.run(0);
    await first.output(0).getByText('first').waitFor();

    const second = await workbench.open('absorption edge.ipynb', [
      markdown('# Absorption edge'),
      code('import numpy as np\nenergy = np.linspace(7.0, 7.3, 400)\nprint(energy.size, "energies")'),
    ]);
    await second.status('Starting');
    await second.run(0);
    await second.output(0).getByText('position 1 of 1').waitFor();
    expect(await second.printed(0)).toBe(
      'Queued: position 1 of 1.\nThe one kernel place is taken; the next free place is yours.\nExpected start: unknown.',
    );
    await keepPicture(second, 'queue-notice', true);

    await first.page.bringToFront();
    await first.menu('Kernel', 'Shut Down Kernel');
    await second.page.bringToFront();
    await second.done(0);
    expect(await second.printed(0)).toBe('400 energies');
    expect(second.reloads).toBe(0);
  });
});
