import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { jest } from '@jest/globals';
import type { ProcessHost, ProcessHostOptions } from '#libs/compute';
import type { KernelId, LaunchSpec } from '#libs/contracts';
import {
  aLaunch,
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
let host: ProcessHost;
let facts: Facts;

beforeAll(() => {
  python = interpreter();
}, 300_000);
beforeEach(() => {
  data = mkdtempSync('/tmp/bg-host-');
  use({});
});
afterEach(async () => {
  await host.reconcile([]);
  await host.close();
  rmSync(data, { recursive: true });
});

function use(options: Partial<ProcessHostOptions>): void {
  ({ host, facts } = newHost({ ...hostOptions(data, python), ...options }));
}

async function launched(changes: Partial<LaunchSpec> = {}, owner = 'ada') {
  const kernelId = newKernelId();
  await host.launch(kernelId, whom(owner), aLaunch(python, changes));
  await facts.until(kernelId, 'ready');
  const { endpoint } = await facts.until(kernelId, 'agent-up');
  return { kernelId, endpoint };
}

const kinds = (kernelId: KernelId) => facts.of(kernelId).map(({ kind }) => kind);

describe('a launch', () => {
  it('tells that the agent is up, then that the kernel is ready and idle', async () => {
    const { kernelId, endpoint } = await launched();
    expect(kinds(kernelId).filter((kind) => kind !== 'activity')).toEqual(['agent-up', 'ready']);
    await expect(execute(endpoint, 'print(6 * 7)')).resolves.toEqual({ text: '42\n', status: 'ok' });
  });

  it('gives the kernel its owner, id, variables, virtual environment and working folder, and nothing of ours', async () => {
    const folder = join(data, 'scans');
    mkdirSync(folder);
    const env = { KERNEL_USERNAME: 'mallory', KERNEL_ID: 'x', COLOUR: 'blue' };
    const { kernelId, endpoint } = await launched({ env, workingDirectory: folder });
    const names = ['KERNEL_USERNAME', 'KERNEL_ID', 'COLOUR', 'VIRTUAL_ENV', 'PATH', 'NODE_OPTIONS', 'JEST_WORKER_ID'];
    const { text } = await execute(
      endpoint,
      `import json, os; print(json.dumps([os.getcwd()] + [os.environ.get(n) for n in ${JSON.stringify(names)}]))`,
    );
    const [cwd, owner, id, colour, prefix, path, ...ours] = JSON.parse(text);
    expect([cwd, owner, id, colour]).toEqual([folder, 'ada', kernelId, 'blue']);
    expect(path.split(':')[0]).toBe(`${prefix}/bin`);
    expect(ours).toEqual([null, null]);
  });

  it('made twice starts one kernel', async () => {
    const kernelId = newKernelId();
    await Promise.all([
      host.launch(kernelId, whom('ada'), aLaunch(python)),
      host.launch(kernelId, whom('ada'), aLaunch(python)),
    ]);
    await facts.until(kernelId, 'ready');
    await host.launch(kernelId, whom('ada'), aLaunch(python));
    expect(kinds(kernelId).filter((kind) => kind === 'agent-up')).toHaveLength(1);
  });

  it.each<[string, () => Partial<LaunchSpec>, RegExp]>([
    [
      'a Python that is not there',
      () => ({ command: { kind: 'python', python: '/no/python' } }),
      /\/no\/python, does not exist/,
    ],
    [
      'a command that is not there',
      () => generic(['no-such-kernel', '{connection_file}']),
      /no-such-kernel, is not on the PATH/,
    ],
    [
      'a kernel that dies at once',
      () => generic(['/bin/sh', '-c', 'echo no licence found >&2; exit 3']),
      /exit code 3.*no licence found/s,
    ],
    ['a template of another launcher', () => generic(['/bin/sh', '{response_address}']), /response_address/],
    [
      'a kernel that never answers',
      () => ({ ...generic(['/bin/sleep', '60']), launchTimeoutSeconds: 1 }),
      /within 1 seconds/,
    ],
  ])('says in a sentence why it failed: %s', async (_what, changes, sentence) => {
    const kernelId = newKernelId();
    await host.launch(kernelId, whom('ada'), aLaunch(python, changes()));
    expect((await facts.until(kernelId, 'launch-failed')).detail).toMatch(sentence);
  });

  it('says in a sentence that agents have no Python', async () => {
    await host.close();
    use({ python: '/no/agent-python' });
    const kernelId = newKernelId();
    await host.launch(kernelId, whom('ada'), aLaunch(python));
    expect((await facts.until(kernelId, 'launch-failed')).detail).toMatch(/\/no\/agent-python, can't be run/);
  });

  it('works from a data folder whose path is too long for sockets', async () => {
    await host.close();
    const deep = join(data, 'x'.repeat(120));
    mkdirSync(deep);
    ({ host, facts } = newHost(hostOptions(deep, python)));
    const { endpoint } = await launched();
    expect(endpoint.socket).toMatch(/^\/tmp\/beamgate-\d+-[0-9a-f]{12}\//);
    await expect(execute(endpoint, 'print(1)')).resolves.toMatchObject({ text: '1\n' });
    await host.reconcile([]);
    await becomes(() => !existsSync(dirname(endpoint.socket)));
    rmdirSync(join(endpoint.socket, '../..'));
  });
});

const generic = (argv: string[]): Partial<LaunchSpec> => ({
  command: { kind: 'generic', argv, interruptMode: 'signal', resourceDir: '/tmp' },
});

describe('an end', () => {
  it('by a signal is told with the signal', async () => {
    const { kernelId, endpoint } = await launched();
    await execute(endpoint, 'import os; os.kill(os.getpid(), 9)').catch(() => {});
    expect(await facts.until(kernelId, 'exited')).toMatchObject({ signal: 9, outOfMemory: false, agentLost: false });
  });

  it('over the memory limit is told as out of memory', async () => {
    const { kernelId, endpoint } = await launched({ limits: { memoryBytes: 200 * 1024 ** 2, cpuMilli: null } });
    await execute(endpoint, 'x = bytearray(400 * 1024 ** 2)').catch(() => {});
    expect(await facts.until(kernelId, 'exited')).toMatchObject({ outOfMemory: true, agentLost: false });
  });

  it('of the agent takes the kernel with it and is told', async () => {
    const { kernelId, endpoint } = await launched();
    const { text } = await execute(endpoint, 'import os; print(os.getpid())');
    process.kill(JSON.parse(readFileSync(join(data, 'run', `${kernelId}.json`), 'utf8')).pid, 'SIGKILL');
    expect(await facts.until(kernelId, 'exited')).toMatchObject({ agentLost: true });
    await becomes(() => traces(data).length === 0 && isGone(Number(text)));
  });

  it('that was asked for leaves nothing behind', async () => {
    const { kernelId } = await launched();
    await host.stop(kernelId, 5000);
    expect(await facts.until(kernelId, 'exited')).toMatchObject({ agentLost: false, outOfMemory: false });
    await becomes(() => traces(data).length === 0);
  });

  it('that was asked for leaves nothing behind, though the host ends as soon as it is told', async () => {
    const { kernelId } = await launched();
    await host.stop(kernelId, 0);
    await facts.until(kernelId, 'exited');
    await host.close();
    expect(traces(data)).toEqual([]);
    use({});
  });

  it('comes to a launch that is under way', async () => {
    const kernelId = newKernelId();
    await host.launch(kernelId, whom('ada'), aLaunch(python));
    await host.stop(kernelId, 5000);
    await facts.until(kernelId, 'exited');
    expect(kinds(kernelId)).not.toContain('ready');
    await becomes(() => traces(data).length === 0);
  });

  it('of a kernel that is unknown is told at once', async () => {
    const kernelId = newKernelId();
    await host.stop(kernelId, 0);
    expect(facts.of(kernelId)).toMatchObject([{ kind: 'exited', agentLost: true }]);
  });

  it('lets the same kernel be launched again', async () => {
    const { kernelId, endpoint } = await launched();
    await execute(endpoint, 'import os; os._exit(1)').catch(() => {});
    await facts.until(kernelId, 'exited');
    facts.all.length = 0;
    await host.launch(kernelId, whom('ada'), aLaunch(python));
    await facts.until(kernelId, 'ready');
    const again = await facts.until(kernelId, 'agent-up');
    await expect(execute(again.endpoint, 'print(2)')).resolves.toMatchObject({ text: '2\n' });
  });
});

it('a restart gives a new process under the same agent', async () => {
  const { kernelId, endpoint } = await launched();
  await execute(endpoint, 'x = 1');
  facts.all.length = 0;
  await host.restart(kernelId, 1);
  await facts.until(kernelId, 'ready');
  await expect(execute(endpoint, 'print("x" in globals())')).resolves.toMatchObject({ text: 'False\n' });
  expect(kinds(kernelId)).not.toContain('exited');
  // The same again, as a broker may deliver it.
  await execute(endpoint, 'x = 2');
  await host.restart(kernelId, 1);
  await expect(execute(endpoint, 'print(x)')).resolves.toMatchObject({ text: '2\n' });
});

function isGone(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return true;
  }
}

/** Processes and files go a moment after the end is told; a test that waits in vain runs into its limit. */
async function becomes(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
