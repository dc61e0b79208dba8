export { LogHeader, LogOrigin, LogStep } from './log-line.js';
export * from './read-day-log.js';
export * from './replay-day-log.js';
