import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentEndpoint } from '#libs/contracts';
import { type Bye, FrameParser, FrameType, HEADER_BYTES, packJsonFrame, writeFrameHeader } from '#libs/jupyter';
import { Arrivals } from './arrivals.js';

interface FakeSession {
  acked: number;
  inputLast: number;
  socket: Socket | null;
}

const messageFrame = (number: number, body: Buffer): Buffer => {
  const header = Buffer.alloc(HEADER_BYTES);
  writeFrameHeader(header, FrameType.message, number, body.length);
  return Buffer.concat([header, body]);
};

/** A kernel agent without a kernel: the client side of the agent stream over a real unix socket, and a simple ring. */
export class FakeAgent {
  readonly hellos = new Arrivals<Record<string, unknown>>();
  /** New input, in order; repeats below `inputLast` are left out as the real agent does. */
  readonly inputs = new Arrivals<{ session: string; number: number; frame: Buffer }>();
  readonly acks = new Arrivals<{ session: string; seq: number }>();
  readonly endpoint: AgentEndpoint;
  readonly #folder = mkdtempSync(join(tmpdir(), 'agent-'));
  readonly #server: Server = createServer((socket) => this.#serve(socket));
  readonly #ring: Buffer[] = [];
  readonly #sessions = new Map<string, FakeSession>();
  readonly #sockets = new Set<Socket>();

  private constructor(readonly epoch: string) {
    this.endpoint = { socket: join(this.#folder, 'agent'), clientToken: 'client', controlToken: 'control' };
  }

  static async listen(epoch = 'epoch-1'): Promise<FakeAgent> {
    const agent = new FakeAgent(epoch);
    agent.#server.listen(agent.endpoint.socket);
    await once(agent.#server, 'listening');
    return agent;
  }

  /** Adds a v1 frame to the ring, for every session; returns its number. */
  emit(frame: Buffer): number {
    return this.#append((seq) => messageFrame(seq, frame));
  }

  emitEvent(event: { event: string; [field: string]: unknown }): number {
    return this.#append((seq) => packJsonFrame(FrameType.event, seq, event));
  }

  acked(session: string): number {
    return this.#sessions.get(session)?.acked ?? 0;
  }

  /** Bytes that the other side of a session has not taken yet. */
  backlog(session: string): number {
    return this.#sessions.get(session)?.socket?.writableLength ?? 0;
  }

  /** The next greetings are refused so, one each. */
  readonly refusals: Bye[] = [];

  /** Every stream breaks; the agent lives on. */
  breakStreams(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.breakStreams();
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #append(frameOf: (seq: number) => Buffer): number {
    const seq = this.#ring.length + 1;
    const frame = frameOf(seq);
    this.#ring.push(frame);
    for (const { socket } of this.#sessions.values()) socket?.write(frame);
    return seq;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let session = '';
    const parser = new FrameParser((type, number, body) => {
      if (type === FrameType.hello) session = this.#welcome(socket, JSON.parse(body.toString()));
      else this.#onFrame(socket, session, type, number, body);
    });
    socket.on('data', (chunk) => parser.push(chunk as Buffer));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      const state = this.#sessions.get(session);
      if (state?.socket === socket) state.socket = null;
    });
  }

  #welcome(socket: Socket, hello: { session?: string; seen?: number; epoch?: string; ephemeral?: boolean }): string {
    this.hellos.push(hello);
    const refusal = this.refusals.shift();
    if (refusal) {
      socket.end(packJsonFrame(FrameType.bye, 0, refusal));
      return '';
    }
    // One that names none is a session of its own, which nobody comes back to.
    const session = hello.session ?? randomUUID();
    const last = this.#ring.length;
    const seen = hello.epoch === this.epoch || hello.seen === 0 ? hello.seen : undefined;
    const state = this.#sessions.get(session) ?? { acked: seen ?? last, inputLast: 0, socket: null };
    this.#sessions.set(session, state);
    state.socket?.end(packJsonFrame(FrameType.bye, 0, { code: 'replaced', reason: 'opened again' }));
    state.socket = socket;
    if (hello.ephemeral) socket.on('close', () => this.#sessions.delete(session));
    state.acked = Math.max(state.acked, seen ?? 0);
    const { epoch } = this;
    const { acked: from, inputLast } = state;
    const welcome = { v: 1, epoch, first: 1, last, from, inputLast, state: 'idle', pid: 1, claimed: true };
    socket.write(packJsonFrame(FrameType.welcome, 0, welcome));
    for (const frame of this.#ring.slice(state.acked)) socket.write(frame);
    return session;
  }

  #onFrame(socket: Socket, session: string, type: number, number: number, body: Buffer): void {
    const state = this.#sessions.get(session);
    if (state === undefined) return;
    if (type === FrameType.ack) {
      state.acked = Math.max(state.acked, number);
      this.acks.push({ session, seq: number });
    } else if (type === FrameType.call) {
      socket.write(packJsonFrame(FrameType.result, number, { state: 'sent' }));
    } else if (type === FrameType.message && number > state.inputLast) {
      state.inputLast = number;
      this.inputs.push({ session, number, frame: body });
    }
  }
}
