import { Liveness, type Signs } from './liveness.js';

const quiet: Signs = { flushedBytes: 0, unsentBytes: 0, confirmed: 0, outstanding: false, deaf: false };
const PING = 30;
const STALLED = 60;
let client: Liveness;
beforeEach(() => {
  client = new Liveness(PING, STALLED, 0);
});
const looks = (signs: (at: number) => Partial<Signs>, until: number) => {
  for (let at = 1; at <= until; at += 1) {
    const verdict = client.look(at, { ...quiet, ...signs(at) });
    if (verdict === 'stalled' || verdict === 'silent') return `${verdict} at ${at}`;
  }
  return 'fine';
};

it('pings a quiet client once an interval and gives it up after three without an answer', () => {
  expect(looks(() => ({}), 1000)).toBe('silent at 120');
});

it('keeps a quiet client that answers', () => {
  const verdicts = new Set<string>();
  for (let at = 1; at <= 1000; at += 1) {
    const verdict = client.look(at, quiet);
    verdicts.add(verdict);
    if (verdict === 'ping') client.heard();
  }
  expect([...verdicts].sort()).toEqual(['fine', 'ping']);
});

it('lets go of one that takes nothing of what waits, though it talks', () => {
  const talking = () => {
    client.heard();
    return { flushedBytes: 5, unsentBytes: 100, outstanding: true };
  };
  expect(looks(talking, 1000)).toBe('stalled at 61');
});

it('lets go of one that never confirms, though it takes everything and talks', () => {
  const talking = () => {
    client.heard();
    return { flushedBytes: 100, outstanding: true };
  };
  expect(looks(talking, 1000)).toBe('stalled at 61');
});

it('keeps one that is slow: each byte that leaves counts, before any pong can', () => {
  const slow = (at: number) => ({ flushedBytes: Math.floor(at / 50), unsentBytes: 1000, outstanding: true });
  expect(looks(slow, 1000)).toBe('fine');
});

it('counts nothing against a client that is not read from', () => {
  expect(looks(() => ({ deaf: true, outstanding: true }), 1000)).toBe('fine');
});

it('measures from the last time that nothing waited', () => {
  const busy = (at: number) => {
    client.heard();
    return { outstanding: at % 50 !== 0 };
  };
  expect(looks(busy, 1000)).toBe('fine');
});
