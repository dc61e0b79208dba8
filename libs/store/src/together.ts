/**
 * Waits for all that was begun, so that nothing of it is sent after its transaction is over.
 *
 * @throws what the first of them threw, in the order that they are given
 */
export async function together<T extends readonly unknown[]>(
  begun: {
    [K in keyof T]: Promise<T[K]> | T[K];
  },
): Promise<T> {
  const results = await Promise.allSettled(begun);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  }) as unknown as T;
}
