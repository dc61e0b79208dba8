import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type KernelFact,
  type KernelHost,
  type LaunchFor,
  type NodesFact,
  ProcessHost,
  type ProcessHostOptions,
} from '#libs/compute';
import { type AgentEndpoint, KernelId, type LaunchSpec, type NodeReport } from '#libs/contracts';
import { AgentStream, EMPTY_OBJECT, packV1, peekV1 } from '#libs/jupyter';

export const root = join(import.meta.dirname, '../../..');

/** Interpreter of the default environment, which is made if it is not there. */
export const interpreter = (): string => {
  const script = join(root, 'scripts/environment.mjs');
  const made = execFileSync(process.execPath, [script, join(root, 'environments/python3')], { encoding: 'utf8' });
  return join(made.trim(), 'bin', 'python');
};

export const hostOptions = (data: string, python: string): ProcessHostOptions => ({
  data,
  agent: join(root, 'agent/beamgate_agent/__main__.py'),
  python,
  templates: [],
  pools: [],
  poolBudget: 0,
  inherited: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: data, LANG: 'C.UTF-8' },
  workingDirectories: [{ from: '/', to: '/' }],
  defaultWorkingDirectory: '',
  cgroups: true,
  ringBytes: 16 * 1024 * 1024,
  retentionSeconds: 60,
  unclaimedSeconds: 30,
  orphanSeconds: 60,
  lingerSeconds: 30,
  log: { info: () => {}, warn: () => {} },
});

export const aLaunch = (python: string, changes: Partial<LaunchSpec> = {}): LaunchSpec => ({
  command: { kind: 'python', python },
  env: {},
  workingDirectory: null,
  limits: { cpuMilli: null, memoryBytes: null },
  launchTimeoutSeconds: 60,
  ...changes,
});

/** Nobody's project, anywhere. */
export const whom = (owner: string): LaunchFor => ({ owner, project: null, place: null });

export const newKernelId = (): KernelId => KernelId.parse(randomUUID());

type Of<K extends KernelFact['kind']> = Extract<KernelFact, { kind: K }>;

/** The facts of a host, in order, and waiting for one. */
export class Facts {
  readonly all: KernelFact[] = [];
  readonly #nodes = new Map<string, NodeReport>();
  readonly #watchers = new Set<() => void>();

  constructor(host: KernelHost) {
    host.onFact((fact) => {
      if (fact.kind === 'nodes' || fact.kind === 'nodes-changed') this.#note(fact);
      else if (fact.kind !== 'hindered') this.all.push(fact);
      for (const watcher of this.#watchers) watcher();
    });
  }

  /** As told last. */
  get nodes(): readonly NodeReport[] {
    return [...this.#nodes.values()];
  }

  #note(fact: NodesFact): void {
    if (fact.kind === 'nodes') this.#nodes.clear();
    for (const node of fact.nodes) this.#nodes.set(node.id, node);
    if (fact.kind === 'nodes-changed') for (const id of fact.gone) this.#nodes.delete(id);
  }

  of(kernelId: KernelId): KernelFact[] {
    return this.all.filter((fact) => fact.kernelId === kernelId);
  }

  /** The first fact of this kind from now on. */
  next<K extends KernelFact['kind']>(kernelId: KernelId, kind: K): Promise<Of<K>> {
    const known = this.of(kernelId).length;
    return new Promise((resolve) => {
      const watcher = () => {
        const found = this.of(kernelId)
          .slice(known)
          .find((fact): fact is Of<K> => fact.kind === kind);
        if (found === undefined) return;
        this.#watchers.delete(watcher);
        resolve(found);
      };
      this.#watchers.add(watcher);
    });
  }

  /** The node once it is told of like that. */
  node(id: string, look: (node: NodeReport) => boolean): Promise<NodeReport> {
    return new Promise((resolve) => {
      const watcher = () => {
        const found = this.nodes.find((node) => node.id === id && look(node));
        if (found === undefined) return;
        this.#watchers.delete(watcher);
        resolve(found);
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }

  /** The first fact of this kind, told already or to come. An end of another kind rejects. */
  async until<K extends KernelFact['kind']>(kernelId: KernelId, kind: K): Promise<Of<K>> {
    const look = () => this.of(kernelId).find((fact): fact is Of<K> => fact.kind === kind);
    const ending = () => this.of(kernelId).find((fact) => fact.kind === 'exited' || fact.kind === 'launch-failed');
    return new Promise((resolve, reject) => {
      const watcher = () => {
        const found = look();
        if (found === undefined && ending() === undefined) return;
        this.#watchers.delete(watcher);
        if (found === undefined) reject(new Error(`no ${kind}: ${JSON.stringify(ending())}`));
        else resolve(found);
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }
}

export interface Execution {
  /** Everything printed, and the error. */
  text: string;
  status: string;
}

/**
 * Runs code as a client of the agent would. Resolves when it has the reply and all output, which come by two ways and in
 * no order; rejects when the kernel's stream ends.
 */
export async function execute({ socket, tls, clientToken }: AgentEndpoint, code: string): Promise<Execution> {
  const session = randomUUID();
  const id = randomUUID();
  const header = { msg_id: id, msg_type: 'execute_request', session, username: 'u', version: '5.4', date: '' };
  const content = { code, silent: false, store_history: false, allow_stdin: false, stop_on_error: true };
  const stream = AgentStream.connect({ socket, tls, token: clientToken, role: 'client', session });
  let text = '';
  let status: string | undefined;
  let idle = false;
  try {
    await stream.opened();
    return await new Promise<Execution>((resolve, reject) => {
      stream.on('close', () => reject(new Error('the stream ended')));
      stream.on('event', (_seq, event) => {
        if (event.event === 'exit') reject(new Error('the kernel ended'));
      });
      stream.on('message', (_seq, frame) => {
        const part = (index: number) => JSON.parse(peekV1(frame, index).toString() || '{}');
        if (part(2).msg_id !== id) return;
        const { msg_type: type } = part(1);
        if (type === 'stream') text += part(4).text;
        if (type === 'error') text += `${part(4).ename}: ${part(4).evalue}`;
        if (type === 'execute_reply') status = part(4).status;
        if (type === 'status') idle = part(4).execution_state === 'idle';
        if (idle && status !== undefined) resolve({ text, status });
      });
      const request = {
        channel: 'shell',
        header: Buffer.from(JSON.stringify(header)),
        parentHeader: EMPTY_OBJECT,
        metadata: EMPTY_OBJECT,
        content: Buffer.from(JSON.stringify(content)),
        buffers: [],
      };
      stream.send(1, packV1(request));
    });
  } finally {
    stream.removeAllListeners('close').end();
  }
}

/** What a host keeps of its kernels in the data folder. */
export const traces = (data: string): string[] => [
  ...readdirSync(join(data, 'run', 's')),
  ...readdirSync(join(data, 'run')).filter((name) => name.endsWith('.json')),
];

export const newHost = (options: ProcessHostOptions): { host: ProcessHost; facts: Facts } => {
  const host = new ProcessHost(options);
  return { host, facts: new Facts(host) };
};
