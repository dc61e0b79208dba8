import type { Watch } from '@kubernetes/client-node';

export interface Named {
  metadata?: { name?: string };
}

/**
 * The first state of an object that `look` takes, now or to come. A watch begins with what is there.
 *
 * @param path  of its collection, e.g. `/api/v1/nodes`
 * @throws Error with the last state seen, after `seconds` or when the watch ends
 */
export function untilObject<T extends Named>(
  watch: Watch,
  path: string,
  name: string,
  look: (object: T, change: string) => boolean,
  seconds: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let last: T | undefined;
    let over = false;
    let abort = (): void => {};
    const finish = (tell: () => void): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      abort();
      tell();
    };
    const fail = (why: string): void =>
      finish(() => reject(new Error(`${path}/${name}: ${why}; last seen: ${JSON.stringify(last)}`)));
    const timer = setTimeout(() => fail(`not within ${seconds} s`), seconds * 1000);
    const onChange = (change: string, object: T): void => {
      last = object;
      if (look(object, change)) finish(() => resolve(object));
    };
    const selection = { fieldSelector: `metadata.name=${name}` };
    watch
      .watch(path, selection, onChange, (error: unknown) => fail(`the watch ended (${String(error)})`))
      .then(
        (controller) => {
          abort = () => controller.abort();
          if (over) abort();
        },
        (error: Error) => fail(error.message),
      );
  });
}
