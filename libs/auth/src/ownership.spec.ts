import { mayOwnFor, ownerFor } from './ownership.js';

const caller = (actAs: string[]) => ({ user: 'hub', scopes: ['kernels' as const], groups: [], actAs });
const groups = { xas: ['ana'] };

it('is the caller, whatever it names, where it may act for nobody', () => {
  expect(ownerFor(caller([]), 'ana', groups)).toBe('hub');
  expect(ownerFor(caller([]), 'hub', groups)).toBe('hub');
});

it('is refused to a caller that may act for others', () => {
  const refused = (actAs: string[], name: string) =>
    expect(() => ownerFor(caller(actAs), name, groups)).toThrow(
      `You may not start kernels for ${name}; that needs an act-as grant.`,
    );
  refused(['tomo'], 'ana');
  refused(['xas'], 'bo');
  refused(['constructor'], 'name');
  expect(ownerFor(caller(['xas']), 'hub', groups)).toBe('hub');
});

it('believes it under act-as, for members of the granted group or for all', () => {
  expect(ownerFor(caller(['xas']), 'ana', groups)).toBe('ana');
  expect(ownerFor(caller(['*']), 'bo', groups)).toBe('bo');
});

it('is the caller where nobody is named', () => {
  expect(ownerFor(caller(['*']), undefined, groups)).toBe('hub');
  expect(mayOwnFor(caller([]), 'hub', groups)).toBe(true);
});
