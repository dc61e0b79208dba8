import { inheritedEnvironment, jupyterDataPaths } from './environment.js';

it('gives kernels only the variables that are named', () => {
  const env = { PATH: '/bin', LC_ALL: 'C', AWS_SECRET: 'no' };
  expect(inheritedEnvironment(['PATH', 'LC_*'], env)).toEqual({ PATH: '/bin', LC_ALL: 'C' });
  expect(inheritedEnvironment(['*'], env)).toEqual(env);
});

it('looks for kernelspecs where Jupyter does', () => {
  expect(jupyterDataPaths({ JUPYTER_PATH: '/a:/b', HOME: '/home/ana', VIRTUAL_ENV: '/venv' })).toEqual([
    '/a',
    '/b',
    '/home/ana/.local/share/jupyter',
    '/venv/share/jupyter',
    '/usr/local/share/jupyter',
    '/usr/share/jupyter',
  ]);
});
