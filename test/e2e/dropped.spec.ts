import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { eventually } from '../support/processes.js';
import { Scope } from '../support/scope.js';
import { code, markdown } from './notebooks.js';
import { keepPicture, Workbench } from './workbench.js';

jest.setTimeout(120_000);

/** Prints some lines; many more once the file `go` is there, after which there is one named `gone`. */
const flood = (folder: string): string =>
  [
    'import os, time',
    "for frame in range(3): print(f'frame {frame:05} centred')",
    `while not os.path.exists('${folder}/go'): time.sleep(0.01)`,
    "for frame in range(3, 40_000): print(f'frame {frame:05} centred ' + '·' * 60)",
    `open('${folder}/gone', 'w').close()`,
  ].join('\n');

describe('a notebook whose output nobody took', () => {
  const scope = new Scope();
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start(scope, { config: { channels: { ringBytes: 1024 ** 2 } } });
  });

  afterEach(() => workbench.closeNotebooks());

  it('is told in the cell how much was dropped, and has the newest of it', async () => {
    const folder = workbench.server.folder;
    const notebook = await workbench.open('centring.ipynb', [markdown('# Centring'), code(flood(folder))]);
    await notebook.status('Idle');
    await notebook.run(0);
    await notebook.output(0).getByText('frame 00002').waitFor();
    await workbench.beamgate.kill();
    writeFileSync(join(folder, 'go'), '');
    await eventually('all is printed', () => existsSync(join(folder, 'gone')) || undefined);
    await workbench.beamgate.startAgain();
    await notebook
      .output(0)
      .getByText(/Beamgate: \d+ messages \(\d+ bytes\) of output were dropped here/)
      .waitFor();
    await notebook.output(0).getByText('frame 39999').waitFor();
    await notebook.done(0);
    expect(await notebook.printed(0)).toMatch(/frame 00002 centred[\s\S]*were dropped here[\s\S]*frame 39999/);
    await notebook.output(0).getByText('were dropped here').scrollIntoViewIfNeeded();
    await keepPicture(notebook, 'dropped-output', true);
    expect(notebook.reloads).toBe(0);
  });
});
