import { expect, it } from '@jest/globals';
import { Deliveries, type Delivery } from './deliveries.js';

const delivery = (name: string): Delivery => ({ channel: { name } as never, message: {} as never });

it('lets one delivery of a message be worked on, and gives all of them back at its end', () => {
  const deliveries = new Deliveries();
  const [first, second] = [delivery('old'), delivery('new')];
  expect(deliveries.begin('m', first)).toBe('work');
  expect(deliveries.begin('m', second)).toBe('wait');
  expect(deliveries.latest('m')).toBe(second);
  expect(deliveries.end('m', { remember: true })).toEqual([first, second]);
  expect(deliveries.begin('m', first)).toBe('done');
});

it('lets a message that is not remembered be worked on again', () => {
  const deliveries = new Deliveries();
  deliveries.begin('m', delivery('c'));
  deliveries.end('m', { remember: false });
  expect(deliveries.begin('m', delivery('c'))).toBe('work');
});

it('forgets the oldest of twenty thousand', () => {
  const deliveries = new Deliveries();
  for (let number = 0; number <= 20_000; number += 1) {
    deliveries.begin(`${number}`, delivery('c'));
    deliveries.end(`${number}`, { remember: true });
  }
  expect(deliveries.begin('0', delivery('c'))).toBe('work');
  expect(deliveries.begin('1', delivery('c'))).toBe('done');
});

it('says when nothing is worked on', async () => {
  const deliveries = new Deliveries();
  await deliveries.idle();
  deliveries.begin('m', delivery('c'));
  let idle = false;
  const waiting = deliveries.idle().then(() => {
    idle = true;
  });
  await Promise.resolve();
  expect(idle).toBe(false);
  deliveries.end('m', { remember: true });
  await waiting;
  expect(idle).toBe(true);
});
