import { createHash } from 'node:crypto';
import { jest } from '@jest/globals';
import { Scope } from '../support/scope.js';
import { code, markdown } from './notebooks.js';
import { keepPicture, Workbench } from './workbench.js';

jest.setTimeout(120_000);

/** Every byte there is, and too few to hide a wrong one. */
const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

const UPLOAD = `
from ipywidgets import FileUpload, Image

upload = FileUpload(description='Flat field')
upload
`;

const READ = `
from hashlib import sha256

content = upload.value[0].content
print(len(content), 'bytes', sha256(content).hexdigest())
`;

const SHOW = `
import io
import matplotlib.pyplot as plt
import numpy as np

y, x = np.mgrid[-1:1:240j, -1:1:480j]
rings = np.cos(40 * np.hypot(x * 2, y)) * np.exp(-np.hypot(x, y))
png = io.BytesIO()
plt.imsave(png, rings, cmap='magma')
print(sha256(png.getvalue()).hexdigest())
Image(value=png.getvalue(), format='png')
`;

describe('binary widgets through the add-on', () => {
  const scope = new Scope();
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start(scope, {}, { addOn: true });
  });

  afterEach(() => workbench.closeNotebooks());

  it('a file is uploaded to the kernel and an image is shown, byte for byte', async () => {
    const notebook = await workbench.open('widgets.ipynb', [
      markdown('## Flat field and rings'),
      ...[UPLOAD, READ, SHOW].map((source) => code(source)),
    ]);
    const [upload, read, show] = [0, 1, 2];
    await notebook.status('Idle');
    await notebook.run(upload);
    const choosing = notebook.page.waitForEvent('filechooser');
    await notebook.output(upload).getByText('Flat field').click();
    await (await choosing).setFiles({ name: 'flat.bin', mimeType: 'application/octet-stream', buffer: EVERY_BYTE });
    await notebook.output(upload).getByText('Flat field (1)').waitFor();
    await notebook.run(read);
    const sent = createHash('sha256').update(EVERY_BYTE).digest('hex');
    await notebook.output(read).getByText(`256 bytes ${sent}`).waitFor();

    await notebook.run(show);
    const image = notebook.output(show).locator('img');
    await image.waitFor();
    // As the page has it: the browser's own copy of what the widget holds.
    const shown = await image.evaluate(async (element) => {
      const { src, naturalWidth } = element as unknown as { src: string; naturalWidth: number };
      const bytes = new Uint8Array(await (await fetch(src)).arrayBuffer());
      return { naturalWidth, bytes: [...bytes] };
    });
    expect(shown.naturalWidth).toBe(480);
    const received = createHash('sha256').update(Buffer.from(shown.bytes)).digest('hex');
    await notebook.output(show).getByText(received).waitFor();
    expect(await notebook.dialogs.count()).toBe(0);
    await notebook.save();
    await keepPicture(notebook, 'widgets', true);
  });
});
