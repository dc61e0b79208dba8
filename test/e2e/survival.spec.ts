import { jest } from '@jest/globals';
import { linesOf, numberedLines, printingCell } from '../support/lines.js';
import { Scope } from '../support/scope.js';
import { code } from './notebooks.js';
import { Workbench } from './workbench.js';

jest.setTimeout(120_000);

describe('a notebook whose service is killed', () => {
  const scope = new Scope();
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start(scope);
  });

  afterEach(() => workbench.closeNotebooks());

  it('gets what the cell prints meanwhile, and its end, without a reload', async () => {
    const count = 60;
    const cells = [code(printingCell(count, 100)), code('print("next:", number)')];
    const notebook = await workbench.open('long.ipynb', cells);
    await notebook.status('Idle');
    await notebook.run(0);
    await notebook.output(0).getByText('line 5').waitFor();
    await workbench.beamgate.kill();
    const before = linesOf(await notebook.printed(0)).length;
    await workbench.beamgate.startAgain();

    await notebook.output(0).getByText("'returned'").waitFor({ timeout: 60_000 });
    await notebook.done(0);
    const lines = linesOf(await notebook.printed(0)).filter((line) => line.startsWith('line'));
    expect(before).toBeLessThan(count);
    expect([...new Set(lines)]).toEqual(numberedLines(count));
    expect(notebook.reloads).toBe(0);

    await notebook.run(1);
    await notebook.output(1).getByText('next: 59').waitFor();
    expect(await notebook.dialogs.count()).toBe(0);
  });
});
