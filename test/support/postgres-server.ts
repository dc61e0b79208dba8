import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.js';
import { cleanEnvironment, freePort, remove, resultsFolder, temporaryFolder } from './gateway.js';
import { parts } from './parts.js';
import { eventually } from './processes.js';
import type { TlsParty } from './tls-authority.js';

export interface PostgresOptions {
  /** Commits reach the disk before they are answered: for crash tests; without, everything is faster. */
  durable?: boolean;
  /** It speaks TLS alone, and takes nobody without a certificate of the same authority that names the user: `beamgate`. */
  tls?: TlsParty;
}

const FAST = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

/** A PostgreSQL of our own on a free port of loopback, in a temporary folder. Everybody may log in, as `beamgate`. */
export class PostgresServer {
  readonly folder = temporaryFolder('pg');
  private readonly data = join(this.folder, 'data');
  private child: Child | undefined;
  private databases = 0;

  private constructor(
    private readonly port: number,
    private readonly options: PostgresOptions,
  ) {}

  static async start(options: PostgresOptions = {}): Promise<PostgresServer> {
    const server = new PostgresServer(freePort(), options);
    server.#initialise();
    await server.startAgain();
    return server;
  }

  /** Makes an empty database. @returns its URL */
  async createDatabase(): Promise<string> {
    this.databases += 1;
    const name = `test_${this.databases}`;
    await this.query(`create database ${name}`);
    return this.url(name);
  }

  url(database = 'postgres'): string {
    return `postgresql://beamgate@127.0.0.1:${this.port}/${database}`;
  }

  /** One statement on a connection of its own. */
  async query(statement: string, url = this.url()): Promise<Record<string, unknown>[]> {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: url, ssl: this.options.tls?.options });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  /** Ends all its processes at once, nothing flushed: the next start recovers from the log. */
  async crash(): Promise<void> {
    const memory = this.#sharedMemory();
    await this.child?.end('SIGKILL');
    // The others of its processes notice; until then their shared memory would stop a new start.
    await eventually('PostgreSQL is gone', () => (isShared(memory) ? undefined : true));
  }

  /** After `crash` or `stop`; on the same port and data. */
  async startAgain(): Promise<void> {
    const { durable = false, tls } = this.options;
    const settings = [
      `port=${this.port}`,
      'listen_addresses=127.0.0.1',
      `unix_socket_directories=${this.folder}`,
      'shared_buffers=64MB',
      'max_connections=60',
      ...(durable ? [] : FAST),
      ...(tls ? ['ssl=on', ...['ca', 'cert', 'key'].map((name) => `ssl_${name}_file=${join(this.folder, name)}`)] : []),
    ];
    const args = ['-D', this.data, ...settings.flatMap((setting) => ['-c', setting])];
    this.child = new Child('PostgreSQL', join(parts().postgres, 'postgres'), args, {
      ...owner(),
      env: { ...cleanEnvironment(), PGDATA: this.data },
      cwd: this.folder,
      logFile: join(resultsFolder('services'), 'postgres.log'),
    });
    await this.child.prints(/ready to accept connections/);
  }

  /** Ends it in order; connections are cut. */
  async stop(): Promise<void> {
    await this.child?.end('SIGINT');
  }

  async remove(): Promise<void> {
    await this.child?.end('SIGQUIT');
    remove(this.folder);
  }

  /** The id of its segment of System V's shared memory, which its seventh line says. */
  #sharedMemory(): string {
    const file = readFileSync(join(this.data, 'postmaster.pid'), 'utf8');
    const id = /^\s*\d+\s+(\d+)\s*$/.exec(file.split('\n')[6] ?? '')?.[1];
    if (id === undefined) throw new Error(`PostgreSQL tells of no shared memory:\n${file}`);
    return id;
  }

  #initialise(): void {
    const { uid, gid } = owner();
    mkdirSync(this.data);
    chmodSync(this.folder, 0o755);
    if (uid !== undefined && gid !== undefined) for (const path of [this.folder, this.data]) chownSync(path, uid, gid);
    const args = ['-D', this.data, '--no-sync', '--auth=trust', '--username=beamgate', '--encoding=UTF8', '--locale=C'];
    const made = spawnSync(join(parts().postgres, 'initdb'), args, { ...owner(), cwd: this.folder, encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`initdb failed:\n${made.stderr}`);
    if (this.options.tls) this.#secure(this.options.tls);
  }

  #secure({ files }: TlsParty): void {
    const { uid, gid } = owner();
    for (const [name, file] of Object.entries({ ca: files.ca, cert: files.certificate, key: files.key })) {
      const path = join(this.folder, name);
      copyFileSync(file, path);
      chmodSync(path, 0o600);
      if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
    }
    writeFileSync(join(this.data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 trust clientcert=verify-full\n');
  }
}

/** PostgreSQL refuses to run as root: it runs as the user that its package made. */
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
}

/** Whether a process is attached to that segment. */
const isShared = (id: string): boolean =>
  readFileSync('/proc/sysvipc/shm', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .some(([, segment, , , , , attached]) => segment === id && attached !== '0');
