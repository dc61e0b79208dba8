import { setTimeout as delay } from 'node:timers/promises';
import type { ApiException } from '@kubernetes/client-node';

const TRIES = 8;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 3000;
const PASSING = new Set([429, 500, 502, 503, 504]);

/** Status of the answer; undefined where the API server was not reached. */
export const statusOf = (error: unknown): number | undefined => {
  const { code } = error as Partial<ApiException<unknown>>;
  return typeof code === 'number' ? code : undefined;
};

/** What the API server says, as a sentence. */
export const sentenceOf = (error: unknown): string => {
  const { message } = readStatus(error);
  return typeof message === 'string' ? message : (error as Error).message;
};

/** Whether the object is there already: a quota that was being changed gives the same code, and may pass. */
export const isThere = (error: unknown): boolean =>
  statusOf(error) === 409 && readStatus(error).reason === 'AlreadyExists';

/** The API server's own account of a failure, if it is one. */
function readStatus(error: unknown): { message?: unknown; reason?: unknown } {
  const { body } = error as { body?: unknown };
  try {
    return (typeof body === 'string' ? JSON.parse(body) : body) ?? {};
  } catch {
    return {};
  }
}

/**
 * Why the API server serves nobody who comes as we do: it can't be reached, or does not know us.
 *
 * @returns a sentence; undefined for an error that is of one call
 */
export function outage(error: unknown): string | undefined {
  const { message, cause, statusCode } = error as Error & { statusCode?: number };
  const status = statusOf(error) ?? statusCode;
  if (status === 401) return `The cluster does not accept the credentials of this service (401 ${sentenceOf(error)}).`;
  if (status !== undefined) return undefined;
  const { message: deeper, code } = (cause ?? {}) as Partial<Error & { code: string }>;
  const why = deeper || code || message;
  return `The API server of the cluster can not be reached (${why}); it is tried again and again.`;
}

/**
 * Calls again what may pass: the server is busy, starting, or was not reached. It waits as long as the server asks, else
 * twice as long each time.
 *
 * @param again       whether an error of another kind may pass too
 * @param patienceMs  goes on for so long, where that is longer than some tries take
 * @throws the last error
 */
export async function persistently<T>(
  call: () => Promise<T>,
  again: (error: unknown) => boolean = () => false,
  patienceMs = 0,
): Promise<T> {
  const until = performance.now() + patienceMs;
  for (let tried = 1, wait = FIRST_WAIT_MS; ; tried += 1, wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    try {
      return await call();
    } catch (error) {
      const status = statusOf(error);
      const passing =
        status === undefined ? isUnreached(error) : PASSING.has(status) || (status === 409 && !isThere(error));
      const over = tried >= TRIES && performance.now() >= until;
      if (over || !(passing || again(error))) throw error;
      const asked = Number((error as Partial<ApiException<unknown>>).headers?.['retry-after']) * 1000;
      await delay(asked > 0 ? asked : wait * (0.5 + Math.random() / 2), undefined, { ref: false });
    }
  }
}

/** What is gone already has been deleted. */
export const deleted = (call: () => Promise<unknown>, again?: (error: unknown) => boolean): Promise<unknown> =>
  persistently(call, again).catch((error) => {
    if (statusOf(error) !== 404) throw error;
  });

/** What fetch says of an answer that did not come, and of one that broke off; the cause is one of many. */
const isUnreached = (error: unknown): boolean => /^(fetch failed|terminated)$/.test((error as Error).message);
