import { createHmac, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from '../support/child.js';
import { cleanEnvironment, remove, resultsFolder, temporaryFolder } from '../support/gateway.js';
import { KernelClient } from '../support/kernel-client.js';
import type { Message } from '../support/wire.js';
import { ZmtpSocket } from './zmtp.js';

const DELIMITER = '<IDS|MSG>';
const PORTS = { shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5 };

/**
 * The reference: a kernel with nothing in front of it. The same Node client as for the gateways, with the same encoding
 * work, on the kernel's own ZeroMQ sockets over `ipc://`, the fastest way that a kernel offers.
 */
export class DirectClient extends KernelClient {
  private constructor(
    private readonly folder: string,
    private readonly kernel: Child,
    private readonly sockets: Record<string, ZmtpSocket>,
    private readonly key: string,
  ) {
    super(randomUUID());
    for (const [channel, socket] of Object.entries(sockets)) {
      socket.on('message', (parts) => this.take(channel, parts));
      socket.on('close', () => this.emit('close', 1006));
    }
  }

  static async start(argv: string[]): Promise<DirectClient> {
    const folder = temporaryFolder('direct');
    const key = randomUUID();
    const sockets = join(folder, 's');
    mkdirSync(sockets);
    const connectionFile = join(folder, 'connection.json');
    const where = { transport: 'ipc', ip: join(sockets, 'k'), key, signature_scheme: 'hmac-sha256', ...PORTS };
    writeFileSync(connectionFile, JSON.stringify(where));
    const [command = '', ...args] = argv.map((word) => word.replace('{connection_file}', connectionFile));
    const kernel = new Child('kernel', command, args, {
      env: cleanEnvironment(),
      logFile: join(resultsFolder('logs'), 'direct.log'),
    });
    const open = async (port: number, type: 'DEALER' | 'SUB') => {
      const path = `${where.ip}-${port}`;
      await appears(path);
      return connecting(path, type);
    };
    const client = new DirectClient(
      folder,
      kernel,
      { iopub: await open(PORTS.iopub_port, 'SUB'), shell: await open(PORTS.shell_port, 'DEALER') },
      key,
    );
    client.sockets['iopub']?.send([Buffer.from([1])]);
    await client.subscribed();
    return client;
  }

  override async close(): Promise<void> {
    for (const socket of Object.values(this.sockets)) socket.close();
    await this.kernel.end('SIGKILL');
    remove(this.folder);
  }

  protected override transmit({ channel, header, parent_header, metadata, content, buffers }: Message): void {
    const signed = [header, parent_header, metadata, content].map((part) => Buffer.from(JSON.stringify(part)));
    const signature = createHmac('sha256', this.key);
    for (const part of signed) signature.update(part);
    this.sockets[channel]?.send([Buffer.from(DELIMITER), Buffer.from(signature.digest('hex')), ...signed, ...buffers]);
  }

  private take(channel: string, parts: Buffer[]): void {
    const at = parts.findIndex((part) => part.length === DELIMITER.length && part.toString('latin1') === DELIMITER);
    const json = (index: number) => JSON.parse(String(parts[at + index])) as Record<string, unknown>;
    this.deliver({
      channel,
      header: json(2),
      parent_header: json(3),
      metadata: json(4),
      content: json(5),
      buffers: parts.slice(at + 6),
    });
  }

  /** A subscription takes effect somewhat after it is sent: asks until its own output is heard. */
  private async subscribed(): Promise<void> {
    const heard = this.next(({ channel }) => channel === 'iopub');
    const asking = setInterval(() => this.send('shell', 'kernel_info_request', {}), 100);
    this.send('shell', 'kernel_info_request', {});
    await heard;
    clearInterval(asking);
    await this.execute('None');
  }
}

const appears = (path: string): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if (!existsSync(path)) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(join(path, '..'), look);
    look();
  });

/** The path exists from `bind` on, connections are taken from `listen` on. */
async function connecting(path: string, type: 'DEALER' | 'SUB'): Promise<ZmtpSocket> {
  for (;;) {
    try {
      return await ZmtpSocket.open(path, type, randomUUID());
    } catch {
      await new Promise(setImmediate);
    }
  }
}
