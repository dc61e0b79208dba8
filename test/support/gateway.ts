import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
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

/** A port that was free a moment ago, for programs that can't take port 0. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
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
