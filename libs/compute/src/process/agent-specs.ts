import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { KernelId, LaunchSpec, ProcessCommand, ResourceLimits } from '#libs/contracts';
import type { LaunchFor } from '../kernel-host.js';
import type { AgentFiles, AgentSpec } from './agent-files.js';
import { commandEnvironment, kernelEnvironment, missingCommand } from './kernel-environment.js';
import type { ProcessHostOptions } from './process-host-options.js';
import { workingDirectory } from './working-directory.js';

/** What the agents of one host are started with, each with secrets of its own. */
export class AgentSpecs {
  constructor(
    private readonly options: ProcessHostOptions,
    private readonly files: AgentFiles,
  ) {}

  /** @throws Error with a sentence: what is asked for can't run here */
  async ofLaunch(kernelId: KernelId, { owner, place }: LaunchFor, launch: LaunchSpec): Promise<AgentSpec> {
    const { options } = this;
    const { command } = launch;
    if (command.kind === 'image')
      throw new Error('This service runs processes, and this kernel is made from an image.');
    const env = kernelEnvironment(options.inherited, { ...launch, command }, kernelId, owner);
    // Those that it was given, and no others; where nobody decides on devices it sees what there is.
    if (place) env['CUDA_VISIBLE_DEVICES'] = place.devices.join(',');
    const missing = missingCommand({ command }, env);
    if (missing !== undefined) throw new Error(missing);
    const folder = options.defaultWorkingDirectory || join(options.data, 'work', '{user}');
    const note = (sentence: string) => options.log.info({ kernelId }, sentence);
    const cwd = await workingDirectory(launch.workingDirectory, owner, options.workingDirectories, folder, note);
    return this.#of(kernelId, command, env, cwd, launch.limits);
  }

  /** Of a warm kernel, in no folder of anybody. */
  ofNobody(id: KernelId, command: ProcessCommand, limits: ResourceLimits): AgentSpec {
    return this.#of(id, command, commandEnvironment(this.options.inherited, command), '/', limits);
  }

  #of(
    kernelId: KernelId,
    kernel: ProcessCommand,
    env: Record<string, string>,
    cwd: string,
    { memoryBytes, cpuMilli }: ResourceLimits,
  ): AgentSpec {
    const { options, files } = this;
    return {
      kernelId,
      directory: files.directory(kernelId),
      socket: files.socket(kernelId),
      record: files.record(kernelId),
      clientToken: randomBytes(32).toString('base64url'),
      controlToken: randomBytes(32).toString('base64url'),
      kernel,
      env,
      cwd,
      limits: { memoryBytes, cpuMilli, cgroups: options.cgroups },
      ringBytes: options.ringBytes,
      retentionSeconds: options.retentionSeconds,
      unclaimedSeconds: options.unclaimedSeconds,
      orphanSeconds: options.orphanSeconds,
      lingerSeconds: options.lingerSeconds,
    };
  }
}
