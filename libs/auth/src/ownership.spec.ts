import { mayOwnFor, ownerFor } from './ownership.js';

const caller = (actAs: string[]) => ({ user: 'hub', scopes: ['kernels' as const], groups: [], actAs });
const groups = { xas: ['ana'] };

it('overwrites a name that the caller has no grant for', () => {
  expect(ownerFor(caller([]), 'ana', groups)).toBe('hub');
  expect(ownerFor(caller(['tomo']), 'ana', groups)).toBe('hub');
  expect(ownerFor(caller(['xas']), 'bo', groups)).toBe('hub');
  expect(ownerFor(caller(['constructor']), 'name', groups)).toBe('hub');
});

it('believes it under act-as, for members of the granted group or for all', () => {
  expect(ownerFor(caller(['xas']), 'ana', groups)).toBe('ana');
  expect(ownerFor(caller(['*']), 'bo', groups)).toBe('bo');
});

it('is the caller where nobody is named', () => {
  expect(ownerFor(caller(['*']), undefined, groups)).toBe('hub');
  expect(mayOwnFor(caller([]), 'hub', groups)).toBe(true);
});
