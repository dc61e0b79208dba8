import { configHelp } from './config/describe-config.js';
import { loadConfig } from './config/load-config.js';
import { type Config } from './config.schema.js';
import { createLog, type Log } from './logging/log.js';
import { onShutdown } from './shutdown.js';

/** One service of several, once it serves. */
export interface Service {
  /** Where its HTTP is. */
  url: string;
  close(): Promise<void>;
}

/** What ties services of several processes together, and has no embedded form. */
const NEEDED = ['bus', 'store'] as const;

/**
 * The main program of one service of several: settings, log, start, and an end in order. It says `ready` in its log and
 * prints `{service, url}`; what hinders it is printed as one sentence, and ends it with 1.
 *
 * @param name   as in `scripts/service.sh NAME`
 * @param start  resolves when it serves; it may wait long, for a lead
 */
export function runService(name: string, start: (config: Config, log: Log) => Promise<Service>): void {
  run(name, start).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
}

async function run(name: string, start: (config: Config, log: Log) => Promise<Service>): Promise<void> {
  const { config, help, notices } = loadConfig(process.argv.slice(2));
  if (help) return void process.stdout.write(configHelp(`scripts/service.sh ${name}`));
  for (const part of NEEDED)
    if (config[part].url === '') throw new Error(`${part}.url: ${name} is one service of several and needs it.`);
  const log = createLog(config);
  for (const notice of notices) log.warn(notice);
  let service: Service | undefined;
  onShutdown(async () => service?.close(), { deadlineMs: (config.http.drainSeconds + 15) * 1000 });
  service = await start(config, log);
  log.info({ service: name, url: service.url, pid: process.pid }, 'ready');
  process.stdout.write(`${JSON.stringify({ service: name, url: service.url })}\n`);
}
