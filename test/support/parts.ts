import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** Where the outside parts are, as `scripts/test-parts.mjs` made them. */
export interface Parts {
  /** Interpreter of the default environment. */
  python: string;
  /** Folders of virtual environments: JupyterLab, the agent's tests, Enterprise Gateway, loose clients. */
  jupyter: string;
  agent: string;
  enterpriseGateway: string;
  clients: string;
  /** A Chromium. */
  browser: string;
  /** Folders of the programs of PostgreSQL and RabbitMQ. */
  postgres: string;
  rabbitmq: string;
}

let read: Parts | undefined;
export const parts = (): Parts => {
  const file = join(root, 'test-results', 'parts.json');
  if (!existsSync(file)) throw new Error('The parts of the tests are not set up. Run: node scripts/test-parts.mjs');
  read ??= JSON.parse(readFileSync(file, 'utf8')) as Parts;
  return read;
};

/** The Node that the service runs on. */
export const serviceNode = (): string => {
  const own = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  return existsSync(own) ? own : process.execPath;
};
