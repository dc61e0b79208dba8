import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import {
  type AuditRow,
  type GatekeeperCommands,
  InvalidRequest,
  PreconditionFailed,
  type SchedulingChange,
  SchedulingConfig,
  type SchedulingDocument,
  type SchedulingState,
} from '#libs/contracts';
import { CLOCK, type Clock } from '#libs/domain';
import { configFaults, diffConfigs } from '#libs/scheduling';
import { STORE, type Store } from '#libs/store';
import { Known } from '../writer/known.js';
import { Writer } from '../writer/writer.js';
import { forecast } from './forecast.js';
import { stateOf } from './state-of.js';

type Asked = z.infer<typeof GatekeeperCommands.changeScheduling.input>;

/** Lets admins read, try and change how work is scheduled. */
@Injectable()
export class SchedulingService {
  constructor(
    private readonly writer: Writer,
    private readonly known: Known,
    @Inject(STORE) private readonly store: Store,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  read(): SchedulingDocument {
    const { version, config } = this.known.document;
    return { version, config: config ?? SchedulingConfig.parse({}) };
  }

  /**
   * Refused whole where it can't hold; then the running configuration stays. A dry run answers the same, and changes
   * nothing.
   *
   * @throws PreconditionFailed where another change came before; InvalidRequest with every fault by its path
   */
  change({ config, ifVersion, actor, action, dryRun }: Asked): Promise<SchedulingChange> {
    return this.writer.command<SchedulingChange>(async (draft) => {
      const { version, config: before } = this.read();
      if (draft.configures) throw new PreconditionFailed('Another change is under way; read the configuration again.');
      if (ifVersion !== null && ifVersion !== version)
        throw new PreconditionFailed(`The configuration is at version ${version} by now, not at ${ifVersion}.`);
      this.#judge(config);
      const changes = diffConfigs(before, config);
      const told = forecast(this.known, config, this.clock.now());
      if (dryRun || changes.length === 0) return () => ({ version, applied: false, changes, forecast: told });
      const next = version + 1;
      draft.configure({ version: next, config, at: draft.now, actor, action, changes });
      return () => ({ version: next, applied: true, changes, forecast: told });
    });
  }

  state(): SchedulingState {
    return stateOf(this.known, this.clock.now());
  }

  audit(limit: number): Promise<AuditRow[]> {
    return this.store.audit(limit);
  }

  #judge(config: SchedulingConfig): void {
    const faults = configFaults(config, this.known.totals(config), (name) => this.known.requestOf(name) !== undefined);
    const none = config.queues.length === 0 ? [{ path: 'queues', message: 'needs one queue at least' }] : [];
    const errors = [...none, ...faults].map(({ path, message }) => ({ field: path, message }));
    if (errors.length > 0) throw new InvalidRequest('The configuration can not hold; nothing was changed.', { errors });
  }
}
