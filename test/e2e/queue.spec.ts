import { jest } from '@jest/globals';
import { deleteKernel, startKernel } from '../support/channel-client.js';
import { remove } from '../support/gateway.js';
import { dataWithPast } from '../support/past.js';
import { eventually } from '../support/processes.js';
import { Scope } from '../support/scope.js';
import { listKernels } from '../support/v1.js';
import { code, markdown } from './notebooks.js';
import { keepPicture, Workbench } from './workbench.js';

jest.setTimeout(120_000);

describe('a notebook whose kernel waits', () => {
  const scope = new Scope();
  let workbench: Workbench;

  beforeAll(async () => {
    const data = scope.use(await dataWithPast([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), remove);
    workbench = await Workbench.start(scope, { config: { scheduling: { maxKernels: 1 } }, data });
  });

  afterEach(() => workbench.closeNotebooks());

  const queued = async () => (await listKernels(workbench.beamgate)).filter(({ phase }) => phase === 'queued').length;

  it('shows position, reason and expected start in the cell, kept current, and its output once there is room', async () => {
    const first = await workbench.open('beam centre.ipynb', [code('print("first")')]);
    await first.status('Idle');
    await first.run(0);
    await first.output(0).getByText('first').waitFor();
    const ahead = await startKernel(workbench.beamgate, 'python3');

    const second = await workbench.open('absorption edge.ipynb', [
      markdown('# Absorption edge'),
      code('import numpy as np\nenergy = np.linspace(7.0, 7.3, 400)\nprint(energy.size, "energies")'),
    ]);
    await second.status('Starting');
    await second.run(0);
    await second.output(0).getByText('position 2 of 2').waitFor();
    // Only one runs: when two places will have come free is not known.
    expect(await second.printed(0)).toContain('Expected start: unknown.');

    await deleteKernel(workbench.beamgate, ahead.id);
    await second.output(0).getByText('position 1 of 1').waitFor();
    expect(await second.printed(0)).toMatch(
      /^Queued: position 1 of 1\.\nThe one kernel place is taken; the next free place is yours\.\nExpected start: in \d to \d+ minutes\.(\n.*would start it\.)?\nInterrupt takes waiting cells back/,
    );
    await keepPicture(second, 'queue-notice', true);

    await second.menu('Kernel', 'Interrupt Kernel');
    await second.output(0).getByText('KeyboardInterrupt').waitFor();
    expect(await second.printed(0)).toContain('keeps its place in the queue');
    expect(await queued()).toBe(1);
    await second.run(0);
    await second.output(0).getByText('position 1 of 1').waitFor();

    await first.page.bringToFront();
    await first.menu('Kernel', 'Shut Down Kernel');
    await second.page.bringToFront();
    await second.done(0);
    expect(await second.printed(0)).toBe('400 energies');
    expect(second.reloads).toBe(0);
    await second.menu('Kernel', 'Shut Down Kernel');
  });

  it('gives its place up when it is shut down from the notebook', async () => {
    const holder = await startKernel(workbench.beamgate, 'python3');
    const waiting = await workbench.open('given up.ipynb', [code('print("never")')]);
    await waiting.status('Starting');
    await waiting.run(0);
    await waiting.output(0).getByText('position 1 of 1').waitFor();
    await waiting.menu('Kernel', 'Shut Down Kernel');
    await eventually('it left the queue', async () => ((await queued()) === 0 ? true : undefined));
    await deleteKernel(workbench.beamgate, holder.id);
  });
});
