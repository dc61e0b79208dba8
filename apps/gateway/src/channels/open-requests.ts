import type { ClientMessage } from '#libs/jupyter';
import { gatewayMessage } from './gateway-message.js';

export interface OpenRequest {
  channel: string;
  type: string;
  /** The header part as the client sent it: the parent of every answer. */
  header: Buffer;
}

/** Requests of one socket that have no reply yet, oldest first. */
export class OpenRequests {
  readonly #byId = new Map<string, OpenRequest>();

  sent({ channel, header, message }: ClientMessage): void {
    if (channel === 'stdin' || !header.msg_type.endsWith('_request')) return;
    // A copy: the view would keep the whole frame, with its buffers, in memory.
    this.#byId.set(header.msg_id, { channel, type: header.msg_type, header: Buffer.from(message.header) });
  }

  answered(id: string): void {
    this.#byId.delete(id);
  }

  /** Takes over what another socket of the same session asked. */
  adopt(older: OpenRequests): void {
    for (const [id, request] of older.#byId) this.#byId.set(id, request);
    older.#byId.clear();
  }

  get ids(): string[] {
    return [...this.#byId.keys()];
  }

  idsOf(type: string): string[] {
    return [...this.#byId].flatMap(([id, request]) => (request.type === type ? [id] : []));
  }

  /** Header part of the oldest execution under way, to show something to whoever waits for it. */
  get running(): Buffer | undefined {
    return [...this.#byId.values()].find((request) => request.type === 'execute_request')?.header;
  }

  /** Forgets a request and gives it, to be answered. */
  take(id: string): OpenRequest | undefined {
    const request = this.#byId.get(id);
    this.#byId.delete(id);
    return request;
  }

  /** Answers each of `ids`, by default all, with an error and forgets it; `session` as in `gatewayMessage`. */
  fail(ename: string, evalue: string, session: string, ids: readonly string[] = this.ids): Buffer[] {
    const requests = ids.flatMap((id) => this.take(id) ?? []);
    return requests.flatMap((request) => failure(request, ename, evalue, session));
  }
}

/** A reply and the status messages that a kernel sends around it. */
export function answers({ channel, type, header }: OpenRequest, content: object, session: string): Buffer[] {
  const status = (state: string) => gatewayMessage('iopub', 'status', { execution_state: state }, session, header);
  return [
    status('busy'),
    gatewayMessage(channel, type.replace(/_request$/, '_reply'), content, session, header),
    status('idle'),
  ];
}

function failure({ channel, type, header }: OpenRequest, ename: string, evalue: string, session: string): Buffer[] {
  const error = { ename, evalue, traceback: [`${ename}: ${evalue}`] };
  const executes = type === 'execute_request';
  const reply = { status: 'error', ...error, ...(executes ? { execution_count: null, user_expressions: {} } : {}) };
  return [
    ...(executes ? [gatewayMessage('iopub', 'error', error, session, header)] : []),
    gatewayMessage(channel, type.replace(/_request$/, '_reply'), reply, session, header),
    gatewayMessage('iopub', 'status', { execution_state: 'idle' }, session, header),
  ];
}
