import { onShutdown } from './shutdown.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

describe('a shutdown', () => {
  const before = new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]));
  let exits: number[];
  let closed: string[];
  let clock: number;

  const start = (close: Promise<void>): void =>
    onShutdown(
      (signal) => {
        closed.push(signal);
        return close;
      },
      { exit: (code) => exits.push(code), now: () => clock },
    );

  beforeEach(() => {
    [exits, closed, clock] = [[], [], 1_000];
  });
  afterEach(() => {
    for (const signal of SIGNALS) {
      for (const listener of process.listeners(signal)) {
        if (!before.get(signal)?.includes(listener)) process.off(signal, listener);
      }
    }
  });

  it('closes and exits', async () => {
    start(Promise.resolve());
    process.emit('SIGTERM');
    await new Promise(setImmediate);
    expect(closed).toEqual(['SIGTERM']);
    expect(exits).toEqual([0]);
  });

  it('takes a signal that comes twice at once, as through a wrapper, for one', () => {
    start(new Promise(() => {}));
    process.emit('SIGINT');
    clock += 400;
    process.emit('SIGINT');
    expect(closed).toEqual(['SIGINT']);
    expect(exits).toEqual([]);
  });

  it('gives up closing when asked again', () => {
    start(new Promise(() => {}));
    process.emit('SIGINT');
    clock += 600;
    process.emit('SIGINT');
    expect(exits).toEqual([1]);
  });
});
