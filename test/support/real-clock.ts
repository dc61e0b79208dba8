import type { Clock } from '#libs/domain';

export const realClock: Clock = {
  now: () => Date.now(),
  after(ms, listener) {
    const timer = setTimeout(listener, ms);
    return () => clearTimeout(timer);
  },
};
