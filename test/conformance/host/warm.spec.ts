import { EventEmitter, once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { ProcessHost, ProcessHostOptions } from '#libs/compute';
import type { KernelId } from '#libs/contracts';
import {
  aLaunch,
  execute,
  type Facts,
  hostOptions,
  interpreter,
  newHost,
  newKernelId,
  root,
  traces,
  whom,
} from './host-under-test.js';

jest.setTimeout(60_000);

const VISIBLE_STATE = readFileSync(join(import.meta.dirname, 'visible-state.py'), 'utf8');
const PRELOAD = ['numpy', 'pandas', 'matplotlib.pyplot', 'h5py'];

interface Stage {
  data: string;
  host: ProcessHost;
  facts: Facts;
  said: EventEmitter;
}

describe('warm kernels', () => {
  const python = interpreter();
  const home = mkdtempSync(join(tmpdir(), 'bg-home-'));
  const folder = join(home, 'beamtime');
  const stages: Stage[] = [];
  let pooled: Stage;

  function stage(size: number, data = mkdtempSync(join(tmpdir(), 'bg-w-')), isTold = false): Stage {
    const said = new EventEmitter();
    const say = (fields: object, message: string) => void said.emit(message, fields);
    const options: ProcessHostOptions = {
      ...hostOptions(data, python),
      inherited: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: home, LANG: 'C.UTF-8', LATE: 'inherited' },
      templates: size === 0 ? [] : [{ python, preload: PRELOAD }],
      pools:
        size === 0 && !isTold
          ? []
          : [
              {
                name: 'python3',
                command: { kind: 'python', python },
                limits: { memoryBytes: null, cpuMilli: null },
                floor: size,
                ceiling: size,
              },
            ],
      poolBudget: 8,
      log: { info: say, warn: say },
    };
    const made = { data, said, ...newHost(options) };
    stages.push(made);
    return made;
  }

  const filled = async ({ said }: Stage, count: number): Promise<void> => {
    for (;;) {
      const [{ ready }] = (await once(said, 'warm kernel ready')) as [{ ready: number }];
      if (ready >= count) return;
    }
  };

  async function started({ host, facts }: Stage, env: Record<string, string> = {}) {
    const id = newKernelId();
    await host.launch(id, whom('alice'), aLaunch(python, { env, workingDirectory: folder }));
    const { endpoint } = await facts.until(id, 'agent-up');
    await facts.until(id, 'ready');
    return { id, endpoint };
  }

  const claimed = async (on: Stage, env: Record<string, string> = {}) => {
    const claim = once(on.said, 'claiming a warm kernel');
    const [kernel] = await Promise.all([started(on, env), claim]);
    return kernel;
  };

  beforeAll(async () => {
    mkdirSync(folder);
    const profile = join(home, '.ipython/profile_default/startup');
    mkdirSync(profile, { recursive: true });
    writeFileSync(join(profile, '10-mine.py'), "import os\nfrom_startup_file = os.environ['LATE'] + os.getcwd()\n");
    writeFileSync(join(folder, 'matplotlibrc'), 'savefig.dpi: 77\n');
    pooled = stage(3);
    await filled(pooled, 3);
  });

  afterAll(async () => {
    for (const { host } of stages) {
      await host.reconcile([]);
      await host.close();
    }
    for (const { data } of stages) rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });

  it('show their users what cold ones show', async () => {
    const env = { LATE: 'mine', TZ: 'Asia/Shanghai', PYTHONPATH: '/opt/extra', KERNEL_NOTE: 'x' };
    const warm = await claimed(pooled, env);
    const cold = await started(stage(0), env);
    const [shown, expected] = await Promise.all(
      [warm, cold].map(async ({ endpoint }) => {
        const { text, status } = await execute(endpoint, VISIBLE_STATE);
        if (status !== 'ok') throw new Error(text);
        return JSON.parse(text) as Record<string, unknown>;
      }),
    );
    expect(expected).toMatchObject({ started: `mine${folder}`, workingDirectory: folder, executionCount: 1 });
    expect(expected).toMatchObject({
      matplotlib: ['module://matplotlib_inline.backend_inline', 77, expect.any(String)],
    });
    expect(shown).toEqual(expected);
    // All that a cold kernel has imported is there; the preload list is what may come on top.
    const modules = 'import sys; print(sorted(name for name in sys.modules if not name.startswith("_pydev")))';
    const [more, fewer] = await Promise.all(
      [warm, cold].map(
        async ({ endpoint }) => (await execute(endpoint, modules)).text.match(/[\w.]+/g) ?? ([] as string[]),
      ),
    );
    expect(fewer?.filter((name) => !more?.includes(name))).toEqual([]);
  });

  it('stand without a template, and without a word of the options, when the host is told so', async () => {
    const told = stage(0, undefined, true);
    told.host.keepWarm([
      {
        environment: 'python3',
        spares: ['n1', 'n2'].map((node) => ({ flavor: 'cpu', node, count: 1 })),
      },
    ]);
    await filled(told, 2);
    const { endpoint } = await claimed(told, { LATE: 'mine' });
    const { text } = await execute(endpoint, 'import os; print(from_startup_file, os.getcwd())');
    expect(text).toBe(`mine${folder} ${folder}\n`);
    const ended = once(told.said, 'spares are kept');
    told.host.keepWarm([]);
    expect(await ended).toMatchObject([{ kernelspec: 'python3', floor: 0, ceiling: 0 }]);
  });

  it('draw random numbers of their own', async () => {
    const code = 'import random, uuid, numpy; print(random.random(), uuid.uuid4(), numpy.random.random())';
    const drawn: string[] = [];
    for (let count = 0; count < 2; count += 1) {
      drawn.push((await execute((await claimed(pooled)).endpoint, code)).text);
    }
    const [one = '', other = ''] = drawn;
    expect(one.split(' ').filter((number) => other.split(' ').includes(number))).toEqual([]);
  });

  it('serve once: stopping one leaves nothing, and others take its place', async () => {
    await filled(pooled, 1);
    const { id, endpoint } = await claimed(pooled);
    await execute(endpoint, 'secret = 1');
    await pooled.host.stop(id, 1000);
    await pooled.facts.until(id, 'exited').catch(() => {});
    await filled(pooled, 1);
    const next = await claimed(pooled);
    expect((await execute(next.endpoint, 'secret')).status).toBe('error');
    expect(traces(pooled.data)).not.toContain(`${id}.json`);
  });

  it('can be restarted, with the claim they had', async () => {
    const own = stage(1);
    await filled(own, 1);
    const { id, endpoint } = await claimed(own, { LATE: 'claimed' });
    await execute(endpoint, 'kept = 1');
    const again = own.facts.next(id, 'ready');
    await own.host.restart(id, 1);
    await again;
    const { text } = await execute(endpoint, "import os; print(os.environ['LATE'], os.getcwd(), 'kept' in globals())");
    expect(text).toBe(`claimed ${folder} False\n`);
  });

  it('give way to a new interpreter for variables that cannot come late', async () => {
    const own = stage(1);
    await filled(own, 1);
    const { endpoint } = await claimed(own, { OMP_NUM_THREADS: '1', PYTHONHASHSEED: '7' });
    const code = "import os, sys, numpy; print(os.environ['OMP_NUM_THREADS'], sys.flags.hash_randomization, hash('a'))";
    const { text } = await execute(endpoint, code);
    const cold = await started(stage(0), { OMP_NUM_THREADS: '1', PYTHONHASHSEED: '7' });
    expect(text).toBe((await execute(cold.endpoint, code)).text);
  });

  it('are found again when the launcher is gone: the claimed are adopted, the others end', async () => {
    const first = stage(2);
    await filled(first, 2);
    const { id, endpoint } = await claimed(first);
    await execute(endpoint, 'kept = 41');
    const [unclaimed] = agentsIn(first.data, id);
    const second = stage(0, first.data);
    await second.host.reconcile([id]);
    await second.facts.until(id, 'ready');
    expect((await execute(endpoint, 'print(kept + 1)')).text).toBe('42\n');
    expect(existsSync(`/proc/${unclaimed}`)).toBe(false);
    await second.host.stop(id, 0);
    expect(agentsIn(first.data, id)).toEqual([]);
  });
});

describe('a kernel of another language that can be claimed', () => {
  const argv = [interpreter(), '-I', '-S', join(root, 'test/bench/null-kernel/null_kernel.py'), '{connection_file}'];
  const command = { kind: 'generic', argv, interruptMode: 'signal', resourceDir: '/tmp', claimable: true } as const;
  const limits = { memoryBytes: null, cpuMilli: null };

  it('is started ahead, told whose it is, and served', async () => {
    const data = mkdtempSync(join(tmpdir(), 'bg-w-'));
    const said = new EventEmitter();
    const say = (fields: object, message: string) => void said.emit(message, fields);
    const warm = once(said, 'warm kernel ready');
    const { host, facts } = newHost({
      ...hostOptions(data, interpreter()),
      pools: [{ name: 'null', command, limits, floor: 1, ceiling: 1 }],
      poolBudget: 1,
      log: { info: say, warn: say },
    });
    try {
      await warm;
      const claim = once(said, 'claiming a warm kernel');
      const id = newKernelId();
      await host.launch(id, whom('alice'), { ...aLaunch(interpreter(), { env: { MINE: 'yes' } }), command });
      await Promise.all([claim, facts.until(id, 'ready')]);
      const { endpoint } = await facts.until(id, 'agent-up');
      expect((await execute(endpoint, 'anything')).status).toBe('ok');
      const [pid] = kernelsIn(data);
      expect(readlinkSync(`/proc/${pid}/cwd`)).toBe(join(data, 'work', 'alice'));
    } finally {
      await host.reconcile([]);
      await host.close();
      rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    }
  });
});

/** Process ids of the agents that left a record, but for that of one kernel. */
const agentsIn = (data: string, kernelId: KernelId): number[] =>
  readdirSync(join(data, 'run'))
    .filter((name) => name.endsWith('.json') && name !== `${kernelId}.json`)
    .map((name) => (JSON.parse(readFileSync(join(data, 'run', name), 'utf8')) as { pid: number }).pid);

/** Process ids of the kernels that agents left a record of. */
const kernelsIn = (data: string): number[] =>
  readdirSync(join(data, 'run'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => (JSON.parse(readFileSync(join(data, 'run', name), 'utf8')) as { kernelPid: number }).kernelPid);
