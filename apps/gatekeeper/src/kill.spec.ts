import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, it } from '@jest/globals';
import type { KernelId } from '#libs/contracts';
import { openStore } from '#libs/store';
import { typescriptExecArgv } from '#libs/testing';

const source = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

/** A process with a gatekeeper that takes submissions until it is killed, and names each when it is acknowledged. */
const SUBMIT_FOR_EVER = `
  await import('reflect-metadata');
  const { GatekeeperStage } = await import(${source('../../../libs/testing/src/gatekeeper-stage.ts')});
  const { aSubmission } = await import(${source('../../../libs/testing/src/builders.ts')});
  const { GatekeeperModule } = await import(${source('./gatekeeper.module.ts')});
  const { GatekeeperCommands } = await import('#libs/contracts');
  const stage = await new GatekeeperStage((parts) => GatekeeperModule.with(parts)).start();
  console.log(stage.path);
  const submit = async () => {
    for (;;) console.log((await stage.client.send(GatekeeperCommands.submitKernel, aSubmission())).id);
  };
  await Promise.all(Array.from({ length: 20 }, submit));
`;

it('loses nothing that was acknowledged when it is killed by SIGKILL', async () => {
  const args = [...typescriptExecArgv(), '--input-type=module', '-e', SUBMIT_FOR_EVER];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  // Killed as soon as the answer is heard, so that a commit that came after the answer would be missed.
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    heard += chunk;
    if (heard.split('\n').length > 200) child.kill('SIGKILL');
  });
  await once(child, 'close');
  expect(child.signalCode).toBe('SIGKILL');

  const [path = '', ...acknowledged] = heard.split('\n').slice(0, -1);
  const store = await openStore(path);
  const rows = await Promise.all(acknowledged.map((id) => store.kernels.find(id as KernelId)));
  expect(acknowledged.length).toBeGreaterThanOrEqual(199);
  expect(acknowledged.filter((_, index) => rows[index] === undefined)).toEqual([]);
  await store.close();
  rmSync(dirname(path), { recursive: true });
});
