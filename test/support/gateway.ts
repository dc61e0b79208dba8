import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './parts.js';

/** What a client needs of a gateway. */
export interface Address {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string;
}

/** A running gateway of the Enterprise Gateway protocol: ours, or the peer's. */
export interface Gateway extends Address {
  readonly name: string;
  /** Of the service process alone. */
  readonly pid: number;
  /** Ends it in order: its kernels end too. */
  stop(): Promise<void>;
  /** `kill -9` of the service process. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and data, after `kill`. */
  startAgain(): Promise<void>;
}

/** A request to the gateway with its token. */
export const call = (gateway: Address, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${gateway.url}${path}`, {
    ...init,
    headers: { authorization: `token ${gateway.token}`, 'content-type': 'application/json', ...init.headers },
  });

const LOWEST_PORT = 10_000;
/** From here on the system takes ports for connections: one of those may be gone when a program wants it again. */
const FIRST_OF_CONNECTIONS = 32_768;

/** A port that nobody listens on, and no connection will take: for programs that are started again on theirs. */
export function freePort(): number {
  const [, ...lines] = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n');
  const taken = new Set(lines.map((line) => Number.parseInt(line.trim().split(/[\s:]+/)[2] ?? '', 16)));
  for (;;) {
    const port = randomInt(LOWEST_PORT, FIRST_OF_CONNECTIONS);
    if (!taken.has(port)) return port;
  }
}

/** A new folder below the system's temporary one; short, because unix sockets lie in it. */
export const temporaryFolder = (name: string): string => mkdtempSync(join(tmpdir(), `bg-${name}-`));

export const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

/** Where logs and screenshots of a run are kept. */
export const resultsFolder = (name: string): string => {
  const folder = join(root, 'test-results', name);
  mkdirSync(folder, { recursive: true });
  return folder;
};

/** Our own environment without what would steer the programs under test. */
export const cleanEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(BEAMGATE_|EG_|KG_|JUPYTER|KERNEL_|NODE_OPTIONS|JEST_)/.test(name),
    ),
  );
