import type { Clock } from '#libs/domain';

/** Longest wait that a timer of Node keeps; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** The machine's own time. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, listener) {
    const timer = setTimeout(listener, Math.min(Math.max(0, ms), LONGEST_MS)).unref();
    return () => clearTimeout(timer);
  },
};
