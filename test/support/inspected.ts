import { readdirSync } from 'node:fs';
import { WebSocket } from 'ws';
import { freePort } from './gateway.js';

/** A Node process whose inner state a test may look at: start it with `env`. */
export class Inspected {
  private constructor(private readonly port: number) {}

  static async prepare(): Promise<Inspected> {
    return new Inspected(freePort());
  }

  /** Environment of a process on a port that it finds itself: of several that have the same. */
  static readonly anywhere: Record<string, string> = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

  /** A process that was started `anywhere`. @param output  what it has printed */
  static of(output: string): Inspected {
    const [, port] = /Debugger listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(output) ?? [];
    if (port === undefined) throw new Error(`It is not to be inspected: ${output}`);
    return new Inspected(Number(port));
  }

  get env(): Record<string, string> {
    return { NODE_OPTIONS: `--inspect=127.0.0.1:${this.port}` };
  }

  /** Bytes that are in use after a full collection: heap and what lies outside of it. */
  async usedBytes(): Promise<number> {
    const [target] = (await (await fetch(`http://127.0.0.1:${this.port}/json`)).json()) as [
      { webSocketDebuggerUrl: string },
    ];
    const socket = new WebSocket(target.webSocketDebuggerUrl);
    await new Promise((resolve) => socket.once('open', resolve));
    const answers = new Map<number, (value: { result: { value: string } }) => void>();
    socket.on('message', (text) => {
      const { id, result } = JSON.parse(String(text)) as { id?: number; result: { result: { value: string } } };
      if (id !== undefined) answers.get(id)?.(result);
    });
    let last = 0;
    const call = (method: string, params: object = {}) =>
      new Promise<{ result: { value: string } }>((resolve) => {
        last += 1;
        answers.set(last, resolve);
        socket.send(JSON.stringify({ id: last, method, params }));
      });
    try {
      // What the first collection finalises, the second frees.
      await call('HeapProfiler.collectGarbage');
      await call('HeapProfiler.collectGarbage');
      const expression = 'JSON.stringify(process.memoryUsage())';
      const { result } = await call('Runtime.evaluate', { expression });
      const { heapUsed, external } = JSON.parse(result.value) as { heapUsed: number; external: number };
      return heapUsed + external;
    } finally {
      socket.terminate();
    }
  }
}

/** Open descriptors of a process. */
export const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
