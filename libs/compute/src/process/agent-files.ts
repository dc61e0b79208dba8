import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ProcessCommand } from '#libs/contracts';
import { findByArgument, isAlive, type ProcessIdentity } from './proc.js';

/** What turns a warm kernel into somebody's, beside its id and key. @see agent/beamgate_agent/claim.py */
const ClaimPart = z.object({
  env: z.record(z.string(), z.string()),
  unset: z.array(z.string()),
  /** The id that it was started under: its cgroups bear it. */
  warmId: z.string(),
});

/** What the agent is started with. @see agent/beamgate_agent/spec.py */
export const AgentSpec = z.object({
  kernelId: z.string(),
  directory: z.string(),
  socket: z.string(),
  record: z.string(),
  clientToken: z.string(),
  controlToken: z.string(),
  kernel: ProcessCommand,
  env: z.record(z.string(), z.string()),
  cwd: z.string(),
  limits: z.object({ memoryBytes: z.int().nullable(), cpuMilli: z.int().nullable(), cgroups: z.boolean() }),
  ringBytes: z.int(),
  retentionSeconds: z.number(),
  unclaimedSeconds: z.number(),
  orphanSeconds: z.number(),
  lingerSeconds: z.number(),
  /** Of a kernel that was warm: what differs from the environment that its process was started with. */
  claim: ClaimPart.optional(),
});
export type AgentSpec = z.infer<typeof AgentSpec>;

const AgentRecord = z.looseObject({ kernelId: z.string(), pid: z.int(), startTime: z.int(), bootId: z.string() });

/** Longest directory of an agent: the kernel's sockets lie in it, and a unix socket's path has 107 bytes at most. */
const LONGEST_DIRECTORY_BYTES = 84;

const hash = (text: string, digits: number): string => createHash('sha256').update(text).digest('hex').slice(0, digits);

/** Where the agents of one data folder keep what they need; one directory each, named by the kernel's id. */
export class AgentFiles {
  readonly run: string;
  readonly logs: string;
  readonly directories: string;
  readonly term: string;

  constructor(data: string) {
    this.run = join(data, 'run');
    this.logs = join(data, 'logs', 'kernels');
    this.term = join(this.run, 'term');
    const own = join(this.run, 's');
    const fits = Buffer.byteLength(own) + 13 <= LONGEST_DIRECTORY_BYTES;
    this.directories = fits ? own : `/tmp/beamgate-${process.getuid?.()}-${hash(data, 12)}`;
  }

  /** Before each launch too: what cleans up /tmp may have come by. @throws Error when the sockets' folder is not ours */
  async prepare(): Promise<void> {
    for (const folder of [this.run, this.logs, this.directories]) await mkdir(folder, { recursive: true, mode: 0o700 });
    const stats = await lstat(this.directories);
    if (!stats.isDirectory() || stats.uid !== process.getuid?.() || (stats.mode & 0o077) !== 0) {
      throw new Error(`${this.directories} must be a folder that belongs to this user alone (mode 0700).`);
    }
  }

  directory = (kernelId: string): string => join(this.directories, hash(kernelId, 12));
  spec = (kernelId: string): string => join(this.directory(kernelId), 'spec.json');
  socket = (kernelId: string): string => join(this.directory(kernelId), 'a');
  record = (kernelId: string): string => join(this.run, `${kernelId}.json`);
  log = (kernelId: string): string => join(this.logs, `${kernelId}.log`);

  /** @throws Error with code EEXIST when the kernel has an agent, or traces of one */
  async writeSpec(spec: AgentSpec): Promise<void> {
    await this.prepare();
    await mkdir(spec.directory, { mode: 0o700 });
    await writeFile(this.spec(spec.kernelId), JSON.stringify(spec), { mode: 0o600 });
  }

  /**
   * Gives what a warm agent has to the kernel that it becomes. The order matters: whoever comes after us finds the agent
   * by the kernel's id, or a directory of nobody.
   *
   * Synchronous: six small calls take 0.2 ms so, and several milliseconds by the thread pool, while somebody waits.
   *
   * @throws Error with code EEXIST or ENOTEMPTY when the kernel has an agent, or traces of one
   */
  handOver(warm: AgentSpec, spec: AgentSpec): void {
    const next = `${this.spec(warm.kernelId)}.next`;
    writeFileSync(next, JSON.stringify(spec), { mode: 0o600 });
    renameSync(next, this.spec(warm.kernelId));
    const record = AgentRecord.parse(JSON.parse(readFileSync(warm.record, 'utf8')));
    renameSync(warm.directory, spec.directory);
    writeFileSync(spec.record, JSON.stringify({ ...record, kernelId: spec.kernelId }), { mode: 0o600 });
    renameSync(this.log(warm.kernelId), this.log(spec.kernelId));
  }

  /** What the agent of a kernel was started with. */
  async readSpec(kernelId: string): Promise<AgentSpec | undefined> {
    return readSpec(this.spec(kernelId));
  }

  /** The agents that left traces, living or not, but for those of `busy` kernels. Other folders are removed. */
  async specs(busy: Iterable<string>): Promise<AgentSpec[]> {
    const theirs = new Set([...busy].map(this.directory));
    const directories = (await readdir(this.directories).catch(() => [])).map((name) => join(this.directories, name));
    const found: AgentSpec[] = [];
    for (const directory of directories.filter((candidate) => !theirs.has(candidate))) {
      const spec = await readSpec(join(directory, 'spec.json'));
      if (spec?.directory === directory) found.push(spec);
      else await rm(directory, { recursive: true, force: true });
    }
    return found;
  }

  /** The living agent of a kernel, by its record. */
  async living(kernelId: string): Promise<ProcessIdentity | undefined> {
    try {
      const record = AgentRecord.parse(JSON.parse(await readFile(this.record(kernelId), 'utf8')));
      return record.kernelId === kernelId && isAlive(record) ? record : undefined;
    } catch {
      return undefined;
    }
  }

  hasRecord = (kernelId: string): Promise<boolean> =>
    stat(this.record(kernelId)).then(
      () => true,
      () => false,
    );

  /** An agent that was started and has not written its record yet. */
  starting = (kernelId: string): number | undefined => findByArgument(this.spec(kernelId));

  /** Removes what is left of an agent that has ended. */
  async remove(kernelId: string): Promise<void> {
    await rm(this.record(kernelId), { force: true });
    await rm(this.directory(kernelId), { recursive: true, force: true });
  }

  /** Records of kernels that have no agent's directory. */
  async removeStrayRecords(kept: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.run)) {
      const kernelId = /^([0-9a-f-]{36})\.json/.exec(name)?.[1];
      if (kernelId !== undefined && !kept.has(kernelId)) await rm(join(this.run, name), { force: true });
    }
  }
}

async function readSpec(file: string): Promise<AgentSpec | undefined> {
  try {
    return AgentSpec.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}
