import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { ProcessHost } from '#libs/compute';
import {
  aLaunch,
  execute,
  type Facts,
  hostOptions,
  interpreter,
  newHost,
  newKernelId,
  whom,
} from './host-under-test.js';

jest.setTimeout(60_000);

const parentOf = (pid: number): number => Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);

describe('a template of an environment', () => {
  const data = mkdtempSync(join(tmpdir(), 'bg-t-'));
  const python = interpreter();
  const said = new EventEmitter();
  let host: ProcessHost;
  let facts: Facts;
  let template: number;

  beforeAll(async () => {
    const log = {
      info: (fields: object, message: string) => void said.emit(message, fields),
      warn: (fields: object, message: string) => void said.emit(message, fields),
    };
    const ready = once(said, 'template ready');
    ({ host, facts } = newHost({
      ...hostOptions(data, python),
      templates: [{ python, preload: [] }],
      log,
    }));
    [{ pid: template }] = await ready;
  });

  afterAll(async () => {
    await host.reconcile([]);
    await host.close();
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  });

  async function started(env: Record<string, string> = {}) {
    const id = newKernelId();
    await host.launch(id, whom('alice'), aLaunch(python, { env }));
    const { endpoint } = await facts.until(id, 'agent-up');
    await facts.until(id, 'ready');
    const { pid } = JSON.parse(readFileSync(join(data, 'run', `${id}.json`), 'utf8')) as { pid: number };
    return { id, endpoint, pid };
  }

  it('forks agents whose kernels show nothing of it', async () => {
    const { endpoint, pid } = await started({ WHO: 'me' });
    expect(parentOf(pid)).toBe(template);
    const code = `import os, sys
print(os.environ['WHO'], os.environ['KERNEL_USERNAME'], os.getcwd(), os.getsid(0) == os.getpid())
print([name for name in sys.modules if 'beamgate' in name], [path for path in sys.path if 'agent' in path])
print(__name__, sys.argv[0].endswith('ipykernel_launcher.py'), os.readlink('/proc/self/fd/0'))`;
    const { text, status } = await execute(endpoint, code);
    expect(status).toBe('ok');
    expect(text).toBe(`me alice ${join(data, 'work', 'alice')} True\n[] []\n__main__ True /dev/null\n`);
  });

  it('gives each kernel random numbers of its own', async () => {
    const kernels = await Promise.all([started(), started()]);
    const drawn = await Promise.all(
      kernels.map(({ endpoint }) => execute(endpoint, 'import random, uuid; print(random.random(), uuid.uuid4())')),
    );
    expect(drawn[0]?.text).not.toBe(drawn[1]?.text);
  });

  it('leaves variables that an interpreter reads at its start to an interpreter of their own', async () => {
    const { endpoint } = await started({ PYTHONHASHSEED: '1' });
    expect((await execute(endpoint, 'import sys; print(sys.flags.hash_randomization)')).text).toBe('1\n');
    const again = await started({ PYTHONHASHSEED: '1' });
    const hashes = await Promise.all([endpoint, again.endpoint].map((one) => execute(one, "print(hash('a'))")));
    expect(hashes[0]?.text).toBe(hashes[1]?.text);
  });

  it('tells the end of an agent that is killed', async () => {
    const { id, pid } = await started();
    process.kill(pid, 'SIGKILL');
    expect(await facts.until(id, 'exited')).toMatchObject({ agentLost: true });
  });

  it('ends without ending a kernel, and others start without it', async () => {
    const { endpoint, pid } = await started();
    const ended = once(said, 'template ended; agents are spawned until it is back');
    process.kill(template, 'SIGKILL');
    await ended;
    expect((await execute(endpoint, 'print(1)')).text).toBe('1\n');
    expect(parentOf(pid)).not.toBe(template);
    const other = await started();
    expect((await execute(other.endpoint, 'print(2)')).text).toBe('2\n');
  });
});
