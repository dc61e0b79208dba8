export type { Amounts } from './amounts.js';
export * from './capacity-profile.js';
