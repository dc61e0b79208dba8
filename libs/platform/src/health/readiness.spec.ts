import { Readiness } from './readiness.js';

it('is ready when every check is, and says what is wrong', async () => {
  const readiness = new Readiness();
  readiness.add('store', async () => {});
  expect(await readiness.run()).toEqual({ ready: true, checks: { store: 'ok' } });
  readiness.add('gatekeeper', async () => {
    throw new Error('is away');
  });
  expect(await readiness.run()).toEqual({ ready: false, checks: { store: 'ok', gatekeeper: 'is away' } });
});
