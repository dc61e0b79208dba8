/** A verb that the agent refused, or one that was under way when the stream ended (`stream_closed`). */
export class AgentCallError extends Error {
  override readonly name = 'AgentCallError';
  constructor(
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

interface Waiting {
  resolve(value: Record<string, unknown>): void;
  reject(error: AgentCallError): void;
}

/** Calls that wait for their result, by call id. */
export class PendingCalls {
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  open(send: (id: number) => void): Promise<Record<string, unknown>> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      send(id);
    });
  }

  settle(id: number, result: Record<string, unknown>): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (result['error'] === undefined) waiting?.resolve(result);
    else waiting?.reject(new AgentCallError(String(result['code'] ?? 'failed'), String(result['error'])));
  }

  rejectAll(detail: string): void {
    for (const waiting of this.#waiting.values()) waiting.reject(new AgentCallError('stream_closed', detail));
    this.#waiting.clear();
  }
}
