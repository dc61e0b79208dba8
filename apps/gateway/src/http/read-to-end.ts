import type { IncomingMessage } from 'node:http';

/** What is still read of a body that nobody wants, in bytes, and for how long, in milliseconds. */
const MOST_BYTES = 16 * 1024 * 1024;
const MOST_MS = 2000;

/**
 * Reads the rest of a refused request's body and throws it away, within bounds. A connection that is closed with bytes
 * unread is reset, and the answer is lost to a client that is still writing.
 */
export const readToEnd = (request: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    let left = MOST_BYTES;
    const count = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left < 0) end();
    };
    const end = (): void => {
      clearTimeout(timer);
      request.off('data', count).off('end', end).off('close', end).off('error', end);
      resolve();
    };
    const timer = setTimeout(end, MOST_MS);
    request.on('data', count).on('end', end).on('close', end).on('error', end).resume();
  });
