import { grantedNames } from './granted-names.js';

const projects = { tomography: ['xas', 'tomo'], spectroscopy: ['xas'], 'in-house': ['staff'] };
const groups = { staff: ['ana'], tomo: ['bo'] };
const caller = (user: string, of: string[]) => ({ user, scopes: ['kernels' as const], groups: of, actAs: ['*'] });

it('are those of the groups in the token and of the configured ones', () => {
  expect(grantedNames(caller('ana', ['xas']), 'ana', groups, projects)).toEqual([
    'in-house',
    'spectroscopy',
    'tomography',
  ]);
  expect(grantedNames(caller('ana', []), 'ana', groups, projects)).toEqual(['in-house']);
  expect(grantedNames(caller('eve', ['constructor']), 'eve', groups, projects)).toEqual([]);
});

it('of somebody else are not those of the token', () =>
  expect(grantedNames(caller('hub', ['xas', 'staff']), 'bo', groups, projects)).toEqual(['tomography']));
