import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { grantedNames, mustOwnFor, ownerFor } from '#libs/auth';
import {
  type CreateKernelBody,
  Forbidden,
  type Identity,
  KernelId,
  type KernelSubmission,
  type StartKernelBody,
} from '#libs/contracts';
import { LOG, type Log } from '#libs/platform';
import { KERNELSPECS, type KernelspecCatalogue } from '../kernelspecs/kernelspecs.port.js';
import { CONFIG, type Config } from '../settings.js';
import type { KernelRequest } from './kernel-request.js';
import { invalid, judgeEnv } from './requested-env.js';
import { sizeOf } from './size.js';
import { wishesFrom } from './wishes.js';

const OF = { project: 'a project', instrument: 'an instrument' } as const;

/** Makes judged submissions of what callers ask. All state is the request's own. */
@Injectable()
export class SubmissionService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(KERNELSPECS) private readonly kernelspecs: KernelspecCatalogue,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /**
   * In the dialect of Enterprise Gateway: variables that are not allowed are left out, and the `KERNEL_USERNAME` of a caller
   * without any grant is overwritten.
   */
  fromDialect(identity: Identity, body: StartKernelBody): KernelSubmission {
    const { kept, dropped } = judgeEnv(body.env ?? {}, this.config.kernels.clientEnv, 'env');
    if (dropped.length > 0) this.log.info({ variables: dropped }, 'variables of a request left out');
    const wishes = wishesFrom(kept, 'env');
    const owner = ownerFor(identity, wishes.owner, this.config.auth.groups);
    const name = body.name ?? undefined;
    return this.#submission(identity, {
      env: kept,
      wishes,
      owner,
      ...(name === undefined ? {} : { kernelspec: name }),
    });
  }

  /** On `/v1`, where what is not allowed is refused by its field. */
  fromV1(identity: Identity, body: CreateKernelBody): KernelSubmission {
    const { kept, dropped } = judgeEnv(body.env, this.config.kernels.clientEnv, 'env');
    if (dropped.length > 0)
      throw invalid(dropped.map((name) => ({ field: `env.${name}`, message: 'may not be set by clients here' })));
    const { id, owner = identity.user, workingDirectory, priorityClass } = body;
    const { project, instrument, queue, wallSeconds } = body;
    mustOwnFor(identity, owner, this.config.auth.groups);
    const own = Object.entries({
      ...{ id: id?.toLowerCase(), project, instrument, workingDirectory, priorityClass, queue, wallSeconds },
    });
    const wishes = {
      ...wishesFrom(kept, 'env'),
      ...Object.fromEntries(own.filter(([, value]) => value !== undefined)),
    };
    const { kernelspec, profile } = body;
    return this.#submission(identity, {
      env: kept,
      wishes,
      owner,
      ...(kernelspec === undefined ? {} : { kernelspec }),
      ...(profile === undefined ? {} : { profile }),
    });
  }

  #submission(identity: Identity, { env, wishes, owner, ...asked }: KernelRequest): KernelSubmission {
    this.#mayStart(owner);
    const { kernels, scheduling, profiles } = this.config;
    const kernelspec = this.kernelspecs.resolve(asked.kernelspec ?? kernels.defaultKernelspec);
    const profileName = asked.profile ?? kernelspec.profile;
    const profile = Object.hasOwn(profiles, profileName) ? profiles[profileName] : undefined;
    if (!profile) throw invalid([{ field: 'profile', message: `must be one of ${Object.keys(profiles).join(', ')}` }]);
    const { requests, limits } = sizeOf(profile, wishes);
    const priorityClass = wishes.priorityClass ?? scheduling.defaultClass;
    if (scheduling.adminOnlyClasses.includes(priorityClass) && !identity.scopes.includes('admin'))
      throw new Forbidden(`The priority class ${priorityClass} is for admins.`);
    const project = this.#countedTo('project', identity, owner, wishes.project);
    const instrument = this.#countedTo('instrument', identity, owner, wishes.instrument);
    const id = KernelId.parse(wishes.id ?? randomUUID());
    return {
      id,
      owner,
      actor: identity.user,
      tokenId: identity.tokenId ?? null,
      kernelspec: kernelspec.name,
      project,
      instrument,
      priorityClass,
      requests,
      culling: kernelspec.culling,
      scheduling: {
        queue: wishes.queue ?? profile.queue ?? null,
        flavors: profile.flavors ?? [],
        wallSeconds: wishes.wallSeconds ?? null,
      },
      launch: {
        command: kernelspec.command,
        env: {
          ...kernelspec.env,
          ...env,
          KERNEL_ID: id,
          KERNEL_USERNAME: owner,
          ...(project === null ? {} : { KERNEL_PROJECT: project }),
          ...(instrument === null ? {} : { KERNEL_INSTRUMENT: instrument }),
        },
        workingDirectory: wishes.workingDirectory ?? null,
        limits,
        requests,
        // It can lengthen the time only: every notebook server sends its 40 s, which say how long its request may hang.
        launchTimeoutSeconds: Math.max(wishes.launchTimeoutSeconds ?? 0, kernels.launchTimeoutSeconds),
      },
    };
  }

  /** Both are told by groups, as everything of an identity: never believed because they were asked for. */
  #countedTo(what: keyof typeof OF, identity: Identity, owner: string, asked: string | undefined): string | null {
    const { auth } = this.config;
    const own = grantedNames(identity, owner, auth.groups, auth[`${what}s`]);
    if (asked === undefined) return own.length === 1 ? (own[0] as string) : null;
    if (own.includes(asked)) return asked;
    const those = own.length === 0 ? 'there is none' : `those are ${own.join(', ')}`;
    throw new Forbidden(`${asked} is not ${OF[what]} of ${owner}; ${those}.`);
  }

  #mayStart(owner: string): void {
    const { authorizedUsers, unauthorizedUsers } = this.config.auth;
    if (unauthorizedUsers.includes(owner)) throw new Forbidden(`${owner} may not start kernels here.`);
    if (authorizedUsers.length > 0 && !authorizedUsers.includes(owner))
      throw new Forbidden(`${owner} is not among those who may start kernels here.`);
  }
}
