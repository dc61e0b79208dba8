import { collectDefaultMetrics, type Registry } from 'prom-client';

/**
 * How often the delay of the event loop is sampled. At the library's 10 ms the sampling alone was all that an idle
 * service did: 100 wake-ups a second, 0.2 % of a core.
 */
const LOOP_DELAY_EVERY_MS = 250;

/** Adds the metrics of this process itself. */
export const addProcessMetrics = (register: Registry): void =>
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: LOOP_DELAY_EVERY_MS });
