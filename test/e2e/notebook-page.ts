import type { Locator, Page } from 'playwright-core';

/** One notebook open in JupyterLab, worked by mouse and keyboard alone. */
export class NotebookPage {
  /** How often the page was loaded since it was opened. */
  reloads = 0;

  constructor(
    readonly path: string,
    readonly page: Page,
  ) {
    page.setDefaultTimeout(20_000);
    page.on('load', () => {
      this.reloads += 1;
    });
  }

  /** Code cell by its place among the code cells, from 0. */
  cell(index: number): Locator {
    return this.page.locator('.jp-Notebook .jp-CodeCell').nth(index);
  }

  /** What a cell shows below its code. */
  output(index: number): Locator {
    return this.cell(index).locator('.jp-OutputArea-output');
  }

  /** What was printed by a cell, whether in one piece or in many. */
  async printed(index: number): Promise<string> {
    return (await this.output(index).allInnerTexts()).join('\n').trimEnd();
  }

  get kernelName(): Locator {
    return this.page.locator('.jp-Toolbar-kernelName');
  }

  get dialogs(): Locator {
    return this.page.locator('.jp-Dialog');
  }

  /** Resolves once the kernel, as the status bar shows it, is so: Idle, Busy, Dead … */
  async status(status: string): Promise<void> {
    await this.page.locator('#jp-main-statusbar').getByText(`| ${status}`).waitFor();
  }

  /** Runs a cell as most people do; resolves at once. */
  async run(index: number): Promise<void> {
    await this.cell(index).locator('.jp-InputPrompt').click();
    await this.page.keyboard.press('Shift+Enter');
  }

  async menu(name: string, item: string): Promise<void> {
    await this.page.getByRole('menuitem', { name, exact: true }).click();
    // The name of an item would hold its shortcut too.
    await this.page.locator('.lm-Menu-itemLabel').getByText(item, { exact: true }).click();
  }

  /** Saves, and waits until the page shows it. */
  async save(): Promise<void> {
    await this.page.keyboard.press('Control+s');
    await this.page.locator('.jp-mod-current.jp-mod-dirty').waitFor({ state: 'detached' });
  }

  /** Answers the dialog that is open. */
  async answer(button: string): Promise<void> {
    await this.dialogs.locator('.jp-Dialog-buttonLabel').getByText(button, { exact: true }).click();
    await this.dialogs.waitFor({ state: 'detached' });
  }

  /** Resolves once the cell has run to its end: its prompt has a number. */
  async done(index: number): Promise<void> {
    await this.cell(index)
      .locator('.jp-InputPrompt', { hasText: /\[\d+\]/ })
      .waitFor();
  }
}
