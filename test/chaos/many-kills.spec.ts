import { Beamgate } from '../support/beamgate.js';
import { cell, Lab, run } from '../support/lab.js';
import { linesOf, numberedLines, printingCell } from '../support/lines.js';
import { NotebookServer } from '../support/notebook-server.js';
import { say } from '../support/say.js';
import { Seeded } from '../support/seeded.js';

/** BEAMGATE_FULL=1 kills a hundred times in twenty cells. */
const CELLS = process.env['BEAMGATE_FULL'] === '1' ? 20 : 1;
const KILLS = 5;
const LINES = 3000;
/**
 * Messages that come again at most: 64 that a stock notebook server had not confirmed, and the 32 of a confirmation that the
 * service had not passed on.
 */
const WINDOW = 64 + 32;

describe.each([
  ['a stock notebook server', false],
  ['a notebook server with the add-on', true],
])('%s, the service killed again and again', (_, addOn) => {
  const random = new Seeded();
  let beamgate: Beamgate;
  let server: NotebookServer;
  let lab: Lab;

  beforeAll(async () => {
    beamgate = await Beamgate.start({ logName: 'chaos-many-kills' });
    server = await NotebookServer.start({ gateway: beamgate, addOn });
    lab = new Lab(server);
  }, 60_000);
  afterAll(async () => {
    lab.dispose();
    await server.stop();
    await beamgate.stop();
  }, 30_000);

  it(`shows every line of a cell and its value${addOn ? ', each once' : ''}`, async () => {
    const kernel = await lab.open('killed.ipynb');
    await run(kernel, 'before = 41');
    for (let count = 1; count <= CELLS; count += 1) {
      const sent = cell(kernel, printingCell(LINES, 4));
      for (let kill = 1; kill <= KILLS; kill += 1) {
        // Only what is on its way now can be lost: the next kill waits until output flows again.
        const line = linesOf(sent.text).length + random.between(1, 60);
        await sent.until(({ text }) => linesOf(text).length > line);
        await beamgate.kill();
        await beamgate.startAgain();
      }
      expect((await sent.done).status).toBe('ok');
      const ids = sent.messages.map(({ header }) => header.msg_id);
      const repeats = ids.length - new Set(ids).size;
      say(
        `seed ${random.seed}: cell ${count} of ${CELLS}, ${KILLS} kills, ${ids.length} messages, ${repeats} repeated`,
      );
      expect(linesOf(sent.textOnce)).toEqual(numberedLines(LINES));
      expect(sent.of('execute_result').at(-1)?.content).toMatchObject({ data: { 'text/plain': "'returned'" } });
      expect(repeats).toBeLessThanOrEqual(addOn ? 0 : WINDOW * KILLS);
      if (addOn) expect(linesOf(sent.text)).toEqual(numberedLines(LINES));
    }
    expect(await run(kernel, 'print(before + 1)')).toBe('42\n');
    await kernel.shutdown();
  }, 1_200_000);
});
