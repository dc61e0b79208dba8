import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentFiles, type AgentSpec } from './agent-files.js';
import { ownCgroups } from './cgroups.js';
import { boundLog, lastLines, removeEmptyLog, removeOldLogs } from './kernel-log.js';
import { bootId, findByArgument, isAlive, processesOfKernels, startTimeOf } from './proc.js';
import { removeTraces } from './remove-traces.js';
import { nextTerm } from './term.js';

let data: string;
let children: ChildProcess[];
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'traces-'));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(data, { recursive: true });
});

async function sleeper(argument: string, env: Record<string, string> = {}): Promise<number> {
  const child = spawn('/bin/sh', ['-c', 'echo on; read line', argument], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  children.push(child);
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child.pid as number;
}

describe('processes', () => {
  it('are known again by pid, start time and boot, and not by the pid alone', async () => {
    const pid = await sleeper('x');
    const identity = { pid, startTime: startTimeOf(pid) as number, bootId: bootId() };
    expect(isAlive(identity)).toBe(true);
    expect(isAlive({ ...identity, startTime: identity.startTime + 1 })).toBe(false);
    expect(isAlive({ ...identity, bootId: 'before' })).toBe(false);
    children[0]?.kill('SIGKILL');
    await once(children[0] as ChildProcess, 'exit');
    expect(isAlive(identity)).toBe(false);
  });

  it('are found by an argument, and by the kernel whose variables they have', async () => {
    const one = await sleeper(`${data}/one`, { KERNEL_ID: `${data}-1` });
    await sleeper(`${data}/two`, { KERNEL_ID: `${data}-12` });
    expect(findByArgument(`${data}/one`)).toBe(one);
    expect(findByArgument(`${data}/none`)).toBeUndefined();
    expect(processesOfKernels(new Set([`${data}-1`, 'other']))).toEqual([one]);
  });
});

describe('an agent’s files', () => {
  const spec = (files: AgentFiles, kernelId: string): AgentSpec => ({
    kernelId,
    directory: files.directory(kernelId),
    socket: files.socket(kernelId),
    record: files.record(kernelId),
    clientToken: 'c',
    controlToken: 'k',
    kernel: { kind: 'python', python: '/p' },
    env: {},
    cwd: '/',
    limits: { memoryBytes: null, cpuMilli: null, cgroups: false },
    ringBytes: 1,
    retentionSeconds: 1,
    unclaimedSeconds: 1,
    orphanSeconds: 1,
    lingerSeconds: 1,
  });
  const id = '6f1c0a4e-7d0b-4b52-9d0a-0d8a3f0c5b11';

  it('are written once for each kernel, and read by nobody else', async () => {
    const files = new AgentFiles(data);
    await files.prepare();
    await files.writeSpec(spec(files, id));
    await expect(files.writeSpec(spec(files, id))).rejects.toMatchObject({ code: 'EEXIST' });
    expect((await files.specs([])).map(({ kernelId }) => kernelId)).toEqual([id]);
  });

  it('leave out folders of busy kernels, and remove those that hold no specification', async () => {
    const files = new AgentFiles(data);
    await files.prepare();
    mkdirSync(files.directory('half-made'));
    mkdirSync(files.directory('busy'));
    await expect(files.specs(['busy'])).resolves.toEqual([]);
    expect(existsSync(files.directory('half-made'))).toBe(false);
    expect(existsSync(files.directory('busy'))).toBe(true);
  });

  it('tell a living agent by its record', async () => {
    const files = new AgentFiles(data);
    await files.prepare();
    const record = { kernelId: id, pid: process.pid, startTime: startTimeOf(process.pid), bootId: bootId() };
    writeFileSync(files.record(id), JSON.stringify(record));
    await expect(files.living(id)).resolves.toMatchObject({ pid: process.pid });
    writeFileSync(files.record(id), JSON.stringify({ ...record, startTime: 1 }));
    await expect(files.living(id)).resolves.toBeUndefined();
  });

  it('are refused a folder of sockets that others may enter', async () => {
    const files = new AgentFiles(data);
    await files.prepare();
    chmodSync(files.directories, 0o755);
    await expect(files.prepare()).rejects.toThrow(/0700/);
  });
});

describe('logs', () => {
  it('are cut to their end when they grow too large, and told by their last lines', async () => {
    const file = join(data, 'log');
    writeFileSync(file, `${'x'.repeat(99)}\n`.repeat(50_000));
    writeFileSync(file, 'one\nlast\n', { flag: 'a' });
    await boundLog(file);
    const text = readFileSync(file, 'utf8');
    expect(text.length).toBeLessThan(600_000);
    expect(text).toMatch(/^\[the beginning was cut off\]/);
    expect((await lastLines(file)).split('\n').slice(-2)).toEqual(['one', 'last']);
    expect((await lastLines(file)).split('\n')).toHaveLength(10);
  });

  it('go when they are empty or old', async () => {
    for (const name of ['empty', 'full', 'old']) writeFileSync(join(data, name), name === 'empty' ? '' : 'x');
    utimesSync(join(data, 'old'), 0, 0);
    for (const name of ['empty', 'full']) await removeEmptyLog(join(data, name));
    await removeOldLogs(data, Date.now());
    expect(['empty', 'full', 'old'].filter((name) => existsSync(join(data, name)))).toEqual(['full']);
  });
});

/** A cgroup beside which a kernel's could be made, where this process may make one. */
const groupFor = (name: string): string | undefined => {
  const own = ownCgroups(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'));
  return own
    .map((folder) => join(folder, name))
    .find((folder) => {
      try {
        mkdirSync(folder);
        return true;
      } catch {
        return false;
      }
    });
};
const probe = groupFor(`beamgate-probe-${process.pid}`);
if (probe !== undefined) rmdirSync(probe);

(probe === undefined ? it.skip : it)(
  'an agent that was killed before it wrote its record leaves no cgroup, also with a process that is still leaving',
  async () => {
    const files = new AgentFiles(data);
    await files.prepare();
    const kernelId = randomUUID();
    const folder = groupFor(`beamgate-${kernelId}`) as string;
    writeFileSync(join(folder, 'cgroup.procs'), String(await sleeper('x')));
    const removed = removeTraces(files, { kernelId } as AgentSpec);
    children[0]?.kill('SIGKILL');
    await removed;
    expect(existsSync(folder)).toBe(false);
  },
);

it('terms grow with each launcher, and start again above where the file is damaged', async () => {
  const file = join(data, 'run', 'term');
  expect([await nextTerm(file), await nextTerm(file)]).toEqual([1, 2]);
  writeFileSync(file, 'damaged');
  expect(await nextTerm(file)).toBeGreaterThan(1e12);
});

it('our own cgroups are found in both hierarchies, a mount’s root taken off', () => {
  const mountinfo = [
    '31 29 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
    '33 29 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    '34 29 0:30 /docker/a /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '35 29 0:31 / /proc rw - proc proc rw',
  ].join('\n');
  const cgroup = '5:cpu,cpuacct:/user.slice\n4:memory:/docker/a/b\n1:name=systemd:/x\n0::/user.slice/one\n';
  expect(ownCgroups(mountinfo, cgroup)).toEqual([
    '/sys/fs/cgroup/cpu,cpuacct/user.slice',
    '/sys/fs/cgroup/memory/b',
    '/sys/fs/cgroup/unified/user.slice/one',
  ]);
});
