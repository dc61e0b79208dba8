import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  type ChangeSessionBody,
  GatekeeperCommands,
  type Identity,
  type Kernel,
  NotFound,
  Problem,
  type SessionModel,
  type SessionRow,
  type StartSessionBody,
} from '#libs/contracts';
import { SESSION_READER, type SessionReader } from '#libs/store';
import { kernelModel } from '../kernels/kernel-views.js';
import { KernelsService } from '../kernels/kernels.service.js';
import { SubmissionService } from '../kernels/submission.service.js';
import { CONNECTION_COUNTS, type ConnectionCounts, GATEKEEPER, type Gatekeeper } from '../ports.js';

/** The kernel of a session is gone. */
export class KernelGone extends Problem.define('kernel-gone', 410) {}

/** Sessions (a path and its kernel) for clients that use them directly; notebook servers keep their own. */
@Injectable()
export class SessionsService {
  constructor(
    @Inject(SESSION_READER) private readonly sessions: SessionReader,
    @Inject(GATEKEEPER) private readonly gatekeeper: Gatekeeper,
    private readonly kernels: KernelsService,
    private readonly submissions: SubmissionService,
    @Inject(CONNECTION_COUNTS) private readonly connections: ConnectionCounts,
  ) {}

  /** Those whose kernel is still shown. */
  async list(identity: Identity): Promise<SessionModel[]> {
    const rows = await this.sessions.listOwned(identity.user);
    const kernels = new Map((await this.kernels.listShown(identity)).map((kernel) => [kernel.id, kernel]));
    return rows.flatMap((row) => {
      const kernel = kernels.get(row.kernelId);
      return kernel ? [this.#model(row, kernel)] : [];
    });
  }

  async get(identity: Identity, id: string): Promise<SessionModel> {
    const row = await this.#find(identity, id);
    return this.#model(row, await this.#kernelOf(identity, row));
  }

  /** A path that has a session with a living kernel keeps it, as in Jupyter. */
  async start(identity: Identity, body: StartSessionBody): Promise<SessionModel> {
    const existing = (await this.list(identity)).find((session) => session.path === body.path);
    if (existing && existing.kernel.execution_state !== 'dead') return existing;
    const kernel = await this.#kernel(identity, body.kernel);
    const { path, type } = body;
    const id = existing?.id ?? randomUUID();
    return this.#save({ id, owner: identity.user, path, type, name: body.name ?? path, kernelId: kernel.id }, kernel);
  }

  /** A session that gets another kernel ends the one it had. */
  async change(identity: Identity, id: string, body: ChangeSessionBody): Promise<SessionModel> {
    const row = await this.#find(identity, id);
    const wanted = body.kernel?.id || body.kernel?.name ? body.kernel : undefined;
    const kernel = wanted ? await this.#kernel(identity, wanted) : await this.#kernelOf(identity, row);
    const { path = row.path, type = row.type } = body;
    const changed = await this.#save({ ...row, path, type, name: body.name ?? row.name, kernelId: kernel.id }, kernel);
    if (kernel.id !== row.kernelId) await this.#stop(identity, row);
    return changed;
  }

  /** Its kernel ends too. */
  async end(identity: Identity, id: string): Promise<void> {
    const row = await this.#find(identity, id);
    await this.#stop(identity, row);
    await this.gatekeeper.send(GatekeeperCommands.deleteSession, { id: row.id });
  }

  async #find(identity: Identity, id: string): Promise<SessionRow> {
    const row = await this.sessions.find(id.toLowerCase());
    if (row?.owner !== identity.user) throw new NotFound(`Session does not exist: ${id.slice(0, 64)}`);
    return row;
  }

  async #kernelOf(identity: Identity, row: SessionRow): Promise<Kernel> {
    return this.kernels.findShown(identity, row.kernelId).catch((error: unknown) => {
      throw error instanceof NotFound ? new KernelGone('The kernel of this session is gone.') : error;
    });
  }

  async #kernel(identity: Identity, { id, name }: StartSessionBody['kernel']): Promise<Kernel> {
    if (id) return this.kernels.findShown(identity, id);
    return this.kernels.submit(this.submissions.fromDialect(identity, { name }));
  }

  async #stop(identity: Identity, { kernelId }: SessionRow): Promise<void> {
    await this.kernels.stop(identity, kernelId).catch((error: unknown) => {
      if (!(error instanceof NotFound)) throw error;
    });
  }

  async #save(row: SessionRow, kernel: Kernel): Promise<SessionModel> {
    return this.#model(await this.gatekeeper.send(GatekeeperCommands.saveSession, row), kernel);
  }

  #model({ id, path, name, type }: SessionRow, kernel: Kernel): SessionModel {
    return { id, path, name, type, kernel: kernelModel(kernel, this.connections.of(kernel.id)) };
  }
}
