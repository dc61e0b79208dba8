import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { call, remove } from '../support/gateway.js';
import { nothingLeft } from '../support/leftovers.js';
import { linesOf, numberedLines, printingCell } from '../support/lines.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { isOf, NumberedClient } from '../support/numbered-client.js';
import { say } from '../support/say.js';
import { ScaleOut } from '../support/scale-out.js';
import { createKernel, endKernel, inPhase } from '../support/v1.js';

/** How long a server is down. */
const SECONDS = process.env['BEAMGATE_FULL'] === '1' ? 30 : 5;
const CLIENTS = 4;
const BETWEEN_TRIES_MS = 100;
const LINE_MS = 50;

interface Answer {
  id: string;
  status: number;
  retryAfter: number;
  /** From the request to its answer. */
  ms: number;
}

describe(`services whose server is down for ${SECONDS} seconds`, () => {
  let specs: string;
  let all: ScaleOut;

  beforeAll(async () => {
    specs = offerNullKernel();
    all = await ScaleOut.start({ env: { JUPYTER_PATH: specs }, durable: true });
  }, 180_000);
  afterAll(async () => {
    await all?.stop();
    remove(specs);
  }, 60_000);

  const submit = async (id: string, turn: number): Promise<Answer> => {
    const since = performance.now();
    const body = JSON.stringify({ id, kernelspec: 'null' });
    const { status, headers } = await call(all.gateways[turn % 2] ?? all.gateways[0], '/v1/kernels', {
      method: 'POST',
      body,
    });
    return { id, status, retryAfter: Number(headers.get('retry-after')), ms: performance.now() - since };
  };

  it.each([
    ['PostgreSQL', () => all.database],
    ['RabbitMQ', () => all.broker],
  ])(
    '%s: refuse submissions, or keep what they accepted, and open cells go on',
    async (name, serverOf) => {
      const server = serverOf();
      const [gateway] = all.gateways;
      const { id: open } = await createKernel(gateway);
      await inPhase(gateway, open, 'ready');
      const client = new NumberedClient(gateway, open);
      await client.connect();
      const count = ((SECONDS + 5) * 1000) / LINE_MS;
      const request = client.execute(printingCell(count, LINE_MS));
      await client.until(() => linesOf(client.printed(request)).length > 5);

      await server.crash();
      let isDown = true;
      const answers: Answer[] = [];
      const work = async (turn: number): Promise<void> => {
        while (isDown) {
          answers.push(await submit(randomUUID(), turn));
          await delay(BETWEEN_TRIES_MS);
        }
      };
      const working = Promise.all(Array.from({ length: CLIENTS }, (_, turn) => work(turn)));
      await delay(SECONDS * 1000);
      await server.startAgain();
      isDown = false;
      await working;

      const refused = answers.filter(({ status }) => status !== 201);
      const longest = Math.round(Math.max(...answers.map(({ ms }) => ms)));
      say(`${name} down: ${answers.length} submissions, ${refused.length} refused, longest answer ${longest} ms`);
      expect(refused.filter(({ status, retryAfter }) => status !== 503 || !(retryAfter > 0))).toEqual([]);
      expect(refused.length).toBeGreaterThan(0);

      const reply = await client.done(request);
      expect(reply.content['status']).toBe('ok');
      expect(linesOf(client.printed(request))).toEqual(numberedLines(count));
      const begun = client.received.filter(
        (one) => isOf(one, request) && one.message.content['execution_state'] === 'busy',
      );
      expect(begun).toHaveLength(1);
      await client.close();
      await endKernel(gateway, open);

      // Who was refused asks again under the same id; who was not finds the kernel that there is.
      const few = refused.slice(0, 8);
      for (const { id } of few) while ((await submit(id, 0)).status !== 201) await delay(BETWEEN_TRIES_MS);
      const made = [...answers.filter(({ status }) => status === 201), ...few].map(({ id }) => id);
      for (const id of made) {
        await inPhase(gateway, id, 'ready');
        await endKernel(gateway, id);
      }
      for (const id of [...made, open])
        expect(await inPhase(gateway, id, 'ended')).toMatchObject({ endReason: 'shut-down' });
      await nothingLeft(all.launcher.data, [...made, open]);
    },
    300_000,
  );
});
