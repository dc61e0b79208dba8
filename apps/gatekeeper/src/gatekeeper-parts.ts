import type { CommandClient } from '#libs/bus';
import type { Clock } from '#libs/domain';
import type { Config } from '#libs/platform';
import type { Store } from '#libs/store';

export type GatekeeperConfig = Pick<
  Config,
  'scheduling' | 'kernels' | 'culling' | 'reclaim' | 'store' | 'profiles' | 'defaultProfile'
>;

/** What the gatekeeper stands on; who composes a service gives it these. */
export interface GatekeeperParts {
  config: GatekeeperConfig;
  /** Closed by who opened it, after the gatekeeper is closed. */
  store: Store;
  /** Commands to the launcher. */
  launcher: Pick<CommandClient, 'send'>;
  /** Events to every gateway: one client per link, or one of a broker's exchange. */
  gateways: Pick<CommandClient, 'emit'> | readonly Pick<CommandClient, 'emit'>[];
  clock?: Clock;
}

export const GATEKEEPER_CONFIG = Symbol('GatekeeperConfig');
export const LAUNCHER = Symbol('Launcher');
export const GATEWAYS = Symbol('Gateways');
