import { StartSlots } from './start-slots.js';

/** Takes a slot and says when it has it. */
function taker(slots: StartSlots) {
  const state = { has: false, giveBack: (): void => {}, taken: Promise.resolve() };
  state.taken = slots.take().then((giveBack) => {
    state.has = true;
    state.giveBack = giveBack;
  });
  return state;
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

it('gives slots in the order they were asked for, as others give them back', async () => {
  const slots = new StartSlots(2, 60_000);
  const [first, second, third, fourth] = [taker(slots), taker(slots), taker(slots), taker(slots)];
  await turns();
  expect([first, second, third, fourth].map(({ has }) => has)).toEqual([true, true, false, false]);
  second.giveBack();
  second.giveBack();
  await turns();
  expect([third.has, fourth.has]).toEqual([true, false]);
  first.giveBack();
  await fourth.taken;
  for (const { giveBack } of [third, fourth]) giveBack();
});

it('makes room after a while for those behind a start that lasts', async () => {
  const slots = new StartSlots(1, 1);
  const keepAlive = setTimeout(() => {}, 10_000);
  const first = taker(slots);
  const second = taker(slots);
  await second.taken;
  clearTimeout(keepAlive);
  expect(first.has).toBe(true);
});
