import { ChannelClient, deleteKernel, type Framing, startKernel } from '../support/channel-client.js';
import type { Gateway } from '../support/gateway.js';

export interface Flood {
  what: 'stream' | 'buffers';
  messages: number;
  /** Of the text or the buffer of each message. */
  bytes: number;
  framing: Framing;
}

export interface FloodResult {
  /** From sending the request to the idle status after the last message. */
  seconds: number;
  messagesPerSecond: number;
  megabytesPerSecond: number;
  /** Messages that never came, by their numbers. */
  missing: number;
}

const HASH = '#'.charCodeAt(0);
const DIGITS = 8;
/** A flood whose end is lost is over after this. */
const PATIENCE_MS = 120_000;

/**
 * The number that the null kernel wrote into a message, without parsing it: the client must not be what is measured.
 * Undefined for the other messages, which hold no `"#`.
 */
function numberOf(frame: Buffer): number | undefined {
  const at = frame.indexOf('"#');
  if (at < 0 || frame[at + 1] !== HASH) return undefined;
  let number = 0;
  for (let index = at + 2; index < at + 2 + DIGITS; index += 1) number = number * 10 + (frame[index] as number) - 48;
  return number;
}

/** Has the null kernel make its messages, then times how fast they come through. */
export async function flood(gateway: Gateway, { what, messages, bytes, framing }: Flood): Promise<FloodResult> {
  const { id } = await startKernel(gateway, 'null');
  const client = await ChannelClient.open(gateway, id, { framing });
  client.keeping = false;
  await client.request('shell', 'kernel_info_request');
  await client.execute(`prepare ${what} ${messages} ${bytes}`);

  const seen = new Uint8Array(messages);
  let came = 0;
  client.decoding = false;
  const seconds = await new Promise<number>((resolve, reject) => {
    client.once('close', (code) => reject(new Error(`${gateway.name} closed the socket with ${code} in a flood`)));
    const patience = setTimeout(() => resolve(PATIENCE_MS / 1000), PATIENCE_MS);
    const began = performance.now();
    client.on('raw', (frame) => {
      // The short ones are status messages; a full-size buffer is not searched beyond its head.
      const number = numberOf(frame.length > 4096 ? frame.subarray(0, 2048) : frame);
      if (number !== undefined && number < messages && frame.length >= bytes) {
        came += seen[number] === 0 ? 1 : 0;
        seen[number] = 1;
      } else if (frame.length < 4096 && frame.includes('"idle"')) {
        clearTimeout(patience);
        resolve((performance.now() - began) / 1000);
      }
    });
    client.send('shell', 'execute_request', {
      code: 'blast',
      silent: false,
      store_history: false,
      user_expressions: {},
    });
  });
  await client.close();
  await deleteKernel(gateway, id);
  return {
    seconds,
    messagesPerSecond: came / seconds,
    megabytesPerSecond: (came * bytes) / 1e6 / seconds,
    missing: messages - came,
  };
}
