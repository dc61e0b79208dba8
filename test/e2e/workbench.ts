import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { Beamgate, type BeamgateOptions, POOLS } from '../support/beamgate.js';
import { remove, resultsFolder, temporaryFolder } from '../support/gateway.js';
import { NotebookServer } from '../support/notebook-server.js';
import { parts, root } from '../support/parts.js';
import type { Scope } from '../support/scope.js';
import { NotebookPage } from './notebook-page.js';
import { type Cell, notebookOf } from './notebooks.js';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const WINDOW = { width: 1280, height: 860 };

/** What a scientist has in front of them: JupyterLab in a browser, on kernels from Beamgate. */
export class Workbench {
  private readonly notebooks: NotebookPage[] = [];

  private constructor(
    readonly beamgate: Beamgate,
    readonly server: NotebookServer,
    private readonly browser: BrowserContext,
  ) {}

  static async start(scope: Scope, options: BeamgateOptions = {}, { addOn = false } = {}): Promise<Workbench> {
    const beamgate = scope.use(await Beamgate.start({ ...options, config: { ...POOLS, ...options.config } }), (one) =>
      one.stop(),
    );
    const server = scope.use(await NotebookServer.start({ gateway: beamgate, program: 'lab', addOn }), (one) =>
      one.stop(),
    );
    const profile = scope.use(temporaryFolder('browser'), remove);
    const browser = scope.use(
      await chromium.launchPersistentContext(profile, {
        executablePath: parts().browser,
        args: FLAGS,
        viewport: WINDOW,
        timezoneId: 'UTC',
      }),
      (one) => one.close(),
    );
    return new Workbench(beamgate, server, browser);
  }

  /** Writes a notebook into the folder of the server and opens it in a tab of its own. */
  async open(path: string, cells: readonly Cell[]): Promise<NotebookPage> {
    writeFileSync(join(this.server.folder, path), JSON.stringify(notebookOf(cells)));
    const page = await this.browser.newPage();
    // A workspace for each, or a tab would open what another one has open.
    const workspace = path.replaceAll(/\W+/g, '-');
    const address = `${this.server.url}/lab/workspaces/${workspace}/tree/${encodeURIComponent(path)}`;
    await page.goto(`${address}?token=${this.server.token}`);
    const notebook = new NotebookPage(path, page);
    this.notebooks.push(notebook);
    return notebook;
  }

  /** After each test, whether it passed or not: a picture of how each notebook was left. */
  async closeNotebooks(): Promise<void> {
    for (const notebook of this.notebooks.splice(0)) {
      await keepPicture(notebook, notebook.path.replaceAll(/\W+/g, '-'));
      await notebook.page.close();
    }
  }
}

/** Keeps a picture of the page with the results; as the one in the docs too, when UPDATE_SCREENSHOTS asks for it. */
export async function keepPicture(notebook: NotebookPage, name: string, inDocs = false): Promise<void> {
  const path = join(resultsFolder('screenshots'), `${name}.png`);
  await notebook.page.screenshot({ path });
  if (!inDocs || process.env['UPDATE_SCREENSHOTS'] !== '1') return;
  const images = join(root, 'docs/images');
  mkdirSync(images, { recursive: true });
  copyFileSync(path, join(images, `${name}.png`));
}
