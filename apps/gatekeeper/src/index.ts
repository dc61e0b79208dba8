export * from './gatekeeper.module.js';
export type { GatekeeperConfig, GatekeeperParts } from './gatekeeper-parts.js';
export * from './store-of.js';
export * from './system-clock.js';
