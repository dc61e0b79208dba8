import { Config } from '#libs/platform';
import { podPools } from './pod-pools.js';

const warned: string[] = [];
const log = { warn: (line: string) => void warned.push(line) };
const config = (compute: object) =>
  Config.parse({
    compute: { host: 'kubernetes', images: { python3: { image: 'env:1' } }, ...compute },
    pools: { kernelspecs: { python3: { floor: 1, ceiling: 2 }, nothing: { floor: 1, ceiling: 2 } } },
  });

it('is of the image and the default profile of a kernelspec', () => {
  expect(podPools(config({}), log as never)).toMatchObject([
    { name: 'python3', floor: 1, ceiling: 2, like: { command: { kind: 'image', image: 'env:1' } } },
  ]);
  expect(warned).toEqual([expect.stringContaining('nothing')]);
});

it('is none where a kernel runs as its owner', () => {
  expect(podPools(config({ identity: 'person' }), log as never)).toEqual([]);
});
