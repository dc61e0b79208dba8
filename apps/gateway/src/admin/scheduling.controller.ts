import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Put, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CurrentIdentity } from '#libs/auth';
import {
  type AuditRow,
  GatekeeperCommands,
  type Identity,
  InvalidRequest,
  NotFound,
  PreconditionRequired,
  type SchedulingChange,
  SchedulingConfig,
  type SchedulingDocument,
  type SchedulingState,
} from '#libs/contracts';
import { Parsed } from '../http/body.pipe.js';
import { GATEKEEPER, type Gatekeeper } from '../ports.js';
import { requireAdmin } from './require-admin.js';

/** Paths of the sections of the configuration. */
const SECTIONS: Readonly<Record<string, keyof SchedulingConfig>> = {
  queues: 'queues',
  flavors: 'flavors',
  cohorts: 'cohorts',
  'priority-classes': 'classes',
  reservations: 'reservations',
  pools: 'pools',
  policies: 'policies',
};
const STATES = { hold: 'hold', release: 'open', drain: 'drain', open: 'open' } as const;

const ChangeQuery = z.strictObject({ dryRun: z.enum(['true', 'false']).default('false') });
const AuditQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(100) });
type Reply = Pick<FastifyReply, 'header'>;

/** How work is scheduled, for admins: read, tried out, and changed while it runs. */
@Controller('v1/admin')
export class SchedulingController {
  constructor(@Inject(GATEKEEPER) private readonly gatekeeper: Gatekeeper) {}

  @Get('state')
  state(@CurrentIdentity() identity: Identity): Promise<SchedulingState> {
    requireAdmin(identity);
    return this.gatekeeper.send(GatekeeperCommands.schedulingState, {});
  }

  @Get('audit')
  async audit(
    @CurrentIdentity() identity: Identity,
    @Query(new Parsed(AuditQuery)) { limit }: z.infer<typeof AuditQuery>,
  ): Promise<{ audit: AuditRow[] }> {
    requireAdmin(identity);
    return { audit: await this.gatekeeper.send(GatekeeperCommands.readAudit, { limit }) };
  }

  @Post('queues/:name/:verb')
  @HttpCode(200)
  async setState(
    @CurrentIdentity() identity: Identity,
    @Param('name') name: string,
    @Param('verb') verb: string,
  ): Promise<SchedulingChange> {
    requireAdmin(identity);
    if (!Object.hasOwn(STATES, verb)) throw new NotFound(`A queue can be held, released, drained or opened.`);
    const { version, config } = await this.#read();
    if (!config.queues.some((queue) => queue.name === name)) throw new NotFound(`There is no queue ${name}.`);
    const state = STATES[verb as keyof typeof STATES];
    const queues = config.queues.map((queue) => (queue.name === name ? { ...queue, state } : queue));
    return this.#change(identity, { ...config, queues }, version, `${verb} ${name}`, false);
  }

  @Get(':section')
  async get(
    @CurrentIdentity() identity: Identity,
    @Param('section') section: string,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<unknown> {
    requireAdmin(identity);
    const { version, config } = await this.#read();
    void reply.header('etag', `"${version}"`);
    return section === 'scheduling' ? config : config[sectionOf(section)];
  }

  @Put(':section')
  async put(
    @CurrentIdentity() identity: Identity,
    @Param('section') section: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Query(new Parsed(ChangeQuery)) { dryRun }: z.infer<typeof ChangeQuery>,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<SchedulingChange> {
    requireAdmin(identity);
    const { config } = await this.#read();
    const wanted = section === 'scheduling' ? body : { ...config, [sectionOf(section)]: body };
    const parsed = SchedulingConfig.safeParse(wanted);
    if (!parsed.success) {
      const errors = parsed.error.issues.map(({ path, message }) => ({ field: path.join('.'), message }));
      throw new InvalidRequest('The configuration can not be read; nothing was changed.', { errors });
    }
    const change = await this.#change(identity, parsed.data, versionOf(ifMatch), section, dryRun === 'true');
    void reply.header('etag', `"${change.version}"`);
    return change;
  }

  #read = (): Promise<SchedulingDocument> => this.gatekeeper.send(GatekeeperCommands.readScheduling, {});

  #change(
    { user: actor }: Identity,
    config: SchedulingConfig,
    ifVersion: number | null,
    action: string,
    dryRun: boolean,
  ): Promise<SchedulingChange> {
    return this.gatekeeper.send(GatekeeperCommands.changeScheduling, { config, ifVersion, actor, action, dryRun });
  }
}

function sectionOf(path: string): keyof SchedulingConfig {
  const section = Object.hasOwn(SECTIONS, path) ? SECTIONS[path] : undefined;
  if (!section) throw new NotFound(`There is no ${path}; there are scheduling, ${Object.keys(SECTIONS).join(', ')}.`);
  return section;
}

/** Of the ETag that the caller saw; null: any will do. */
function versionOf(ifMatch: string | undefined): number | null {
  if (ifMatch === undefined)
    throw new PreconditionRequired('Say by If-Match which version you change: its ETag, or * for any.');
  if (ifMatch.trim() === '*') return null;
  const match = /^(?:W\/)?"(\d+)"$/.exec(ifMatch.trim());
  if (!match)
    throw new InvalidRequest('If-Match can not be read.', {
      errors: [{ field: 'if-match', message: 'must be an ETag' }],
    });
  return Number(match[1]);
}
