import type { PodPoolOptions } from '#libs/compute';
import { KernelspecCatalogue } from '#libs/jupyter';
import { type Config, kernelspecSources, type Log } from '#libs/platform';

const EMPTY = { floor: 0, ceiling: 0 };

/** Warm pods by kernelspec, of its default profile; a kernelspec that can't have any is named in the log. */
export function podPools(config: Config, log: Pick<Log, 'warn'>): PodPoolOptions[] {
  // Whose a warm pod will be is not known when its user id is set, for good.
  if (config.compute.identity === 'person') return [];
  const kernelspecs = new KernelspecCatalogue({ ...kernelspecSources(config), onProblem: () => undefined });
  const sized = config.pools.kernelspecs;
  // The others are empty until the gatekeeper says otherwise.
  const all = new Map(
    Object.entries({ ...Object.fromEntries(kernelspecs.list().map(({ name }) => [name, EMPTY])), ...sized }),
  );
  return [...all].flatMap(([name, size]) => {
    try {
      const { command, profile } = kernelspecs.resolve(name);
      if (command.kind !== 'image') throw new Error('it is made from no image');
      const like = config.profiles[profile];
      return like === undefined ? [] : [{ ...size, name, like: { ...like, command } }];
    } catch (error) {
      if (size !== EMPTY) log.warn(`The kernelspec ${name} has no pool: ${(error as Error).message}`);
      return [];
    }
  });
}
