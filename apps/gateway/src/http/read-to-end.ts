import type { IncomingMessage } from 'node:http';

/**
 * Reads the rest of a refused request's body and throws it away, within bounds. A connection that is closed with bytes
 * unread is reset, and the answer is lost to a client that is still writing.
 */
export const readToEnd = (request: IncomingMessage, most: { bytes: number; ms: number }): Promise<void> =>
  new Promise((resolve) => {
    let left = most.bytes;
    const count = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left < 0) end();
    };
    const end = (): void => {
      clearTimeout(timer);
      request.off('data', count).off('end', end).off('close', end).off('error', end);
      resolve();
    };
    const timer = setTimeout(end, most.ms);
    request.on('data', count).on('end', end).on('close', end).on('error', end).resume();
  });
