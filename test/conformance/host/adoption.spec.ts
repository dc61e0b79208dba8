import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { jest } from '@jest/globals';
import type { KernelFact, ProcessHost } from '#libs/compute';
import type { KernelId } from '#libs/contracts';
import { typescriptExecArgv } from '#libs/testing';
import {
  execute,
  type Facts,
  hostOptions,
  interpreter,
  newHost,
  newKernelId,
  traces,
  whom,
} from './host-under-test.js';

jest.setTimeout(60_000);

let python: string;
let data: string;
let host: ProcessHost | undefined;
let facts: Facts;
beforeAll(() => {
  python = interpreter();
}, 300_000);
beforeEach(() => {
  data = mkdtempSync('/tmp/bg-adopt-');
});
afterEach(async () => {
  host ??= newHost(hostOptions(data, python)).host;
  await host.reconcile([]);
  await host.close();
  host = undefined;
  rmSync(data, { recursive: true });
});

const launcher = (ids: KernelId[]): ChildProcess => {
  const file = join(import.meta.dirname, 'launcher.child.ts');
  return spawn(process.execPath, [...typescriptExecArgv(), file, data, python, ...ids], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
};

/** Runs a launcher until it told `kind` of each kernel, then kills it with no warning. */
async function killedAfter(kind: KernelFact['kind'], ids: KernelId[]): Promise<void> {
  const child = launcher(ids);
  const missing = new Set(ids);
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const fact = JSON.parse(line) as KernelFact;
    if (fact.kind === kind) missing.delete(fact.kernelId);
    if (missing.size === 0) break;
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const told = (kernelId: KernelId) => facts.of(kernelId).map(({ kind }) => kind);

const nextLauncher = () => {
  ({ host, facts } = newHost(hostOptions(data, python)));
  return host;
};

it('a new launcher adopts the kernels that live, with what they hold', async () => {
  const [kernelId, other] = [newKernelId(), newKernelId()];
  await killedAfter('ready', [kernelId, other]);
  await nextLauncher().reconcile([kernelId, other]);
  await facts.until(kernelId, 'ready');
  expect(told(kernelId).slice(0, 2)).toEqual(['agent-up', 'ready']);
  const { endpoint } = await facts.until(kernelId, 'agent-up');
  await execute(endpoint, 'x = 5');
  await host?.close();

  await nextLauncher().reconcile([kernelId, other]);
  const again = await facts.until(kernelId, 'agent-up');
  await expect(execute(again.endpoint, 'print(x)')).resolves.toMatchObject({ text: '5\n' });
  await host?.stop(kernelId, 5000);
  await facts.until(kernelId, 'exited');
  expect(told(other)).not.toContain('exited');
});

it('a new launcher takes up a kernel that was still starting', async () => {
  const kernelId = newKernelId();
  await killedAfter('agent-up', [kernelId]);
  await nextLauncher().reconcile([kernelId]);
  const { endpoint } = await facts.until(kernelId, 'agent-up');
  await facts.until(kernelId, 'ready');
  await expect(execute(endpoint, 'print(1)')).resolves.toMatchObject({ text: '1\n' });
});

it('a new launcher ends agents that nobody knows and tells which kernels are lost', async () => {
  const [orphan, never] = [newKernelId(), newKernelId()];
  await killedAfter('ready', [orphan]);
  await nextLauncher().reconcile([never]);
  expect(facts.all).toEqual([
    {
      kind: 'exited',
      kernelId: never,
      incarnation: null,
      code: null,
      signal: null,
      outOfMemory: false,
      agentLost: true,
    },
  ]);
  expect(traces(data)).toEqual([]);
});

it('a launcher that comes later fences the earlier one off, and the earlier one tells no ends', async () => {
  const kernelId = newKernelId();
  const earlier = newHost(hostOptions(data, python));
  await earlier.host.reconcile([]);
  await earlier.host.launch(kernelId, whom('ada'), {
    command: { kind: 'python', python },
    env: {},
    workingDirectory: null,
    limits: { cpuMilli: null, memoryBytes: null },
    launchTimeoutSeconds: 60,
  });
  await earlier.facts.until(kernelId, 'ready');
  await nextLauncher().reconcile([kernelId]);
  await facts.until(kernelId, 'ready');
  await host?.stop(kernelId, 5000);
  await facts.until(kernelId, 'exited');
  expect(earlier.facts.of(kernelId).map(({ kind }) => kind)).not.toContain('exited');
  await earlier.host.close();
});

it('a second reconciliation of the same launcher tells again where its kernels stand', async () => {
  const kernelId = newKernelId();
  await killedAfter('ready', [kernelId]);
  await nextLauncher().reconcile([kernelId]);
  await facts.until(kernelId, 'ready');
  facts.all.length = 0;
  await host?.reconcile([kernelId]);
  await facts.until(kernelId, 'ready');
  // What it says of itself is told once, whenever it has said it.
  const standing = told(kernelId).filter((kind) => kind !== 'activity' && kind !== 'info');
  expect(standing).toEqual(['agent-up', 'ready']);
});
