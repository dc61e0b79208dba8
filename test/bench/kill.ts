import { setTimeout as elapse } from 'node:timers/promises';
import { ChannelClient, startKernel } from '../support/channel-client.js';
import type { Gateway } from '../support/gateway.js';
import { NumberedClient } from '../support/numbered-client.js';
import { type SubjectName, start } from './subjects.js';

export interface KillResult {
  rounds: number;
  lines: number;
  linesLost: number;
  /** Lines that came more than once. */
  linesRepeated: number;
  repliesLost: number;
  kernelsLost: number;
}

const LINES = 200;
const CODE = `
import time
for number in range(${LINES}):
    print(f'line {number:03d}', flush=True)
    time.sleep(0.005)
`;
/** After the service is back, a client gets this long to hear the rest; the cell itself takes about one second. */
const PATIENCE_MS = 8000;

const numbersIn = (text: string): number[] => [...text.matchAll(/line (\d{3})/g)].map(([, number]) => Number(number));

interface Round {
  /** Line numbers as they came, repeats included. */
  came: number[];
  replied: boolean;
  kernelLives: boolean;
}

/** A client that reconnects with its session, as every notebook server does. */
async function stockRound(gateway: Gateway, killAt: number): Promise<Round> {
  const { id } = await startKernel(gateway, 'python3');
  const first = await ChannelClient.open(gateway, id, { framing: 'legacy' });
  await first.execute('None');
  const content = { code: CODE, silent: false, store_history: true, user_expressions: {}, allow_stdin: false };
  const msgId = first.send('shell', 'execute_request', content);
  await first.next((message) => String(message.content['text']).includes(`line ${String(killAt).padStart(3, '0')}`));
  await Promise.all([gateway.kill(), first.closed]);
  await gateway.startAgain();
  const received = [...first.received];
  let replied = false;
  let kernelLives = false;
  try {
    const again = await ChannelClient.open(gateway, id, { framing: 'legacy', session: first.session });
    const patience = elapse(PATIENCE_MS);
    const reply = (message: { channel: string; parent_header: Record<string, unknown> }) =>
      message.channel === 'shell' && message.parent_header['msg_id'] === msgId;
    const heard = again.received.some(reply) ? Promise.resolve() : again.next(reply);
    replied = await Promise.race([heard.then(() => true), patience.then(() => false)]);
    const lives = again.execute('None').then(() => true);
    kernelLives = await Promise.race([lives, patience.then(() => replied)]);
    received.push(...again.received);
    await again.close();
  } catch {
    // The gateway does not know the kernel any more.
  }
  const mine = received.filter(({ parent_header }) => parent_header['msg_id'] === msgId);
  return { came: mine.flatMap((message) => numbersIn(String(message.content['text'] ?? ''))), replied, kernelLives };
}

/** A client that states what it saw. */
async function numberedRound(gateway: Gateway, killAt: number): Promise<Round> {
  const { id } = await startKernel(gateway, 'python3');
  const client = new NumberedClient(gateway, id);
  await client.connect();
  const msgId = client.execute(CODE);
  const last = `line ${String(killAt).padStart(3, '0')}`;
  await client.until(({ message }) => String(message.content['text']).includes(last));
  await Promise.all([gateway.kill(), client.closed]);
  await gateway.startAgain();
  await client.connect();
  await client.done(msgId);
  await client.done(client.execute('None'));
  await client.close();
  return { came: numbersIn(client.printed(msgId)), replied: true, kernelLives: true };
}

/** `kill -9` of the service while a cell prints, and a new one on the same port and data. */
export async function killInMidCell(
  subject: SubjectName,
  jupyterPath: string,
  rounds: number,
  client: 'stock' | 'numbered',
): Promise<KillResult> {
  const gateway = await start(subject, jupyterPath);
  const result = { rounds, lines: rounds * LINES, linesLost: 0, linesRepeated: 0, repliesLost: 0, kernelsLost: 0 };
  try {
    for (let round = 0; round < rounds; round += 1) {
      // Spread over the cell: 40, 60, 80, …
      const killAt = 40 + ((round * 20) % 120);
      const { came, replied, kernelLives } = await (client === 'stock' ? stockRound : numberedRound)(gateway, killAt);
      const distinct = new Set(came).size;
      result.linesLost += LINES - distinct;
      result.linesRepeated += came.length - distinct;
      result.repliesLost += replied ? 0 : 1;
      result.kernelsLost += kernelLives ? 0 : 1;
    }
  } finally {
    await gateway.stop();
  }
  return result;
}
