import { startKernel } from '../support/channel-client.js';
import type { Gateway } from '../support/gateway.js';
import { NumberedClient } from '../support/numbered-client.js';

const CODE = `
import time
number = 0
while True:
    print(number, flush=True)
    number += 1
    time.sleep(0.005)
`;

/** How long output took to flow again after each kill, milliseconds. */
export interface BackTimes {
  /** From the spawn of the new service process. */
  fromStart: number[];
  /** From its word that it is ready. */
  fromReady: number[];
  /** Numbers that never came or came twice, over all kills. */
  wrong: number;
}

/** `kill -9` of the service and a new one at once, while a kernel prints without end to a client that states what it saw. */
export async function backAfterKill(gateway: Gateway, kills: number): Promise<BackTimes> {
  const { id } = await startKernel(gateway, 'python3');
  const client = new NumberedClient(gateway, id);
  await client.connect();
  const msgId = client.execute(CODE);
  await client.until(({ message }) => message.header['msg_type'] === 'stream');
  const times: BackTimes = { fromStart: [], fromReady: [], wrong: 0 };
  for (let kill = 0; kill < kills; kill += 1) {
    await Promise.all([gateway.kill(), client.closed]);
    const started = performance.now();
    await gateway.startAgain();
    const ready = performance.now();
    const flows = new Promise((resolve) => client.once('message', resolve));
    await client.connect();
    await flows;
    const flowed = performance.now();
    times.fromStart.push(flowed - started);
    times.fromReady.push(flowed - ready);
  }
  const printed = client.printed(msgId).trimEnd().split('\n').map(Number);
  times.wrong = printed.filter((number, at) => number !== at).length;
  await client.close();
  return times;
}
