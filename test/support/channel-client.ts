import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { type Address, call, type Gateway } from './gateway.js';
import { KernelClient } from './kernel-client.js';
import { decodeLegacy, decodeV1, encodeLegacy, encodeV1, type Message } from './wire.js';

export const V1 = 'v1.kernel.websocket.jupyter.org';
export type Framing = 'v1' | 'legacy';

export interface ChannelOptions {
  framing?: Framing;
  session?: string;
  /** More query parameters. */
  query?: Record<string, string>;
  headers?: Record<string, string>;
  /** False: it answers no ping, and so confirms nothing. */
  confirming?: boolean;
}

/** A client that opens the channels of a gateway itself, without a notebook server. */
export class ChannelClient extends KernelClient {
  /** Off: frames go to `raw` listeners alone, undecoded. */
  decoding = true;

  private constructor(
    readonly socket: WebSocket,
    session: string,
    private readonly framing: Framing,
  ) {
    super(session);
    socket.on('message', (data, isBinary) => this.take(data as Buffer, isBinary));
    socket.on('close', (code) => this.emit('close', code));
    socket.on('error', () => {});
  }

  static open(gateway: Gateway, kernelId: string, options: ChannelOptions = {}): Promise<ChannelClient> {
    const { framing = 'v1', session = randomUUID(), query = {}, headers = {}, confirming = true } = options;
    const parameters = new URLSearchParams({ session_id: session, ...query });
    const url = `${gateway.url.replace('http', 'ws')}/api/kernels/${kernelId}/channels?${parameters}`;
    const socket = new WebSocket(url, framing === 'v1' ? [V1] : [], {
      headers: { authorization: `token ${gateway.token}`, ...headers },
      perMessageDeflate: false,
      maxPayload: 0,
      autoPong: confirming,
    });
    const client = new ChannelClient(socket, session, framing);
    return new Promise((resolve, reject) => {
      socket.once('open', () => {
        if (framing === 'v1' && socket.protocol !== V1) reject(new Error(`${gateway.name} did not choose ${V1}`));
        else resolve(client);
      });
      socket.once('error', reject);
    });
  }

  get closed(): Promise<number> {
    return this.socket.readyState === WebSocket.CLOSED
      ? Promise.resolve(1000)
      : new Promise((resolve) => this.once('close', resolve));
  }

  /** Closes in order and waits for it. */
  override async close(): Promise<void> {
    const closed = this.closed;
    this.socket.close();
    await closed;
  }

  protected override transmit(message: Message): void {
    this.socket.send(this.framing === 'v1' ? encodeV1(message) : encodeLegacy(message));
  }

  private take(data: Buffer, isBinary: boolean): void {
    this.emit('raw', data, isBinary);
    if (this.decoding) this.deliver(this.framing === 'v1' ? decodeV1(data) : decodeLegacy(data, isBinary));
  }
}

export interface KernelModel {
  id: string;
  name: string;
  last_activity: string;
  execution_state: string;
  connections: number;
  [extra: string]: unknown;
}

/** Starts a kernel by REST alone. @throws Error with the refusal */
export async function startKernel(
  gateway: Gateway,
  name: string,
  env: Record<string, string> = {},
): Promise<KernelModel> {
  const response = await call(gateway, '/api/kernels', { method: 'POST', body: JSON.stringify({ name, env }) });
  if (response.status !== 201) throw new Error(`POST /api/kernels: ${response.status} ${await response.text()}`);
  return (await response.json()) as KernelModel;
}

export const deleteKernel = async (gateway: Address, id: string): Promise<void> => {
  await call(gateway, `/api/kernels/${id}`, { method: 'DELETE' });
};
