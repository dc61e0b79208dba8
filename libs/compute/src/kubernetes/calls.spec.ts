import { ApiException } from '@kubernetes/client-node';
import { deleted, persistently, sentenceOf } from './calls.js';

const failing = (code: number, headers: Record<string, string> = {}, reason = '') =>
  new ApiException(code, 'no', JSON.stringify({ message: `answer ${code}`, reason }), headers);

/** Fails so often, then answers. */
function afterFailures(error: Error, count: number) {
  let calls = 0;
  const call = async (): Promise<number> => {
    calls += 1;
    if (calls <= count) throw error;
    return calls;
  };
  return call;
}

it.each([429, 500, 503])('calls again after %i', async (code) => {
  await expect(persistently(afterFailures(failing(code), 2))).resolves.toBe(3);
});

it.each([
  ['was not reached', 'fetch failed', 'connect ECONNREFUSED'],
  ['went away in the middle of its answer', 'terminated', 'HTTP/2: "stream error" received'],
])('calls again when the server %s', async (_, message, cause) => {
  const error = new TypeError(message, { cause: new Error(cause) });
  await expect(persistently(afterFailures(error, 1))).resolves.toBe(2);
});

it('does not repeat what failed by itself', async () => {
  const error = new TypeError('x is not a function');
  await expect(persistently(afterFailures(error, 1))).rejects.toBe(error);
});

it('waits as long as the server asks', async () => {
  const since = performance.now();
  await persistently(afterFailures(failing(429, { 'retry-after': '1' }), 1));
  expect(performance.now() - since).toBeGreaterThanOrEqual(995);
});

it('calls again where a quota was being changed by another, and not for what is there', async () => {
  await expect(persistently(afterFailures(failing(409, {}, 'Conflict'), 1))).resolves.toBe(2);
  const there = failing(409, {}, 'AlreadyExists');
  await expect(persistently(afterFailures(there, 1))).rejects.toBe(there);
});

it.each([400, 403, 422])('does not repeat what was refused by %i', async (code) => {
  await expect(persistently(afterFailures(failing(code), 1))).rejects.toMatchObject({ code });
});

it('takes what is gone already as deleted', async () => {
  await expect(deleted(afterFailures(failing(404), 1))).resolves.toBeUndefined();
  await expect(deleted(afterFailures(failing(403), 1))).rejects.toMatchObject({ code: 403 });
});

it('says what the server said', () => {
  expect(sentenceOf(failing(403))).toBe('answer 403');
  expect(sentenceOf(new Error('plain'))).toBe('plain');
});
