import { fileURLToPath } from 'node:url';

/** `execArgv` of a worker thread or child process of a spec that is to run TypeScript files. */
export const typescriptExecArgv = (): string[] => [
  '--no-warnings',
  '--import',
  fileURLToPath(new URL('../loader/typescript.mjs', import.meta.url)),
];
