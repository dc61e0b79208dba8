import { type Address, call } from './gateway.js';
import type { KernelView } from './v1.js';

interface StreamedEvent {
  type: string;
  id: string;
  kernel: KernelView;
}

/** What the gateway tells of one kernel as server-sent events, read as a browser reads them. */
export class EventStream {
  readonly events: StreamedEvent[] = [];
  /** Lines that no client heeds. */
  readonly comments: string[] = [];
  /** Resolves when the gateway has ended it; rejects when it was cut. */
  readonly ended: Promise<void>;
  private readonly watchers = new Set<() => void>();

  private constructor(
    response: Response,
    private readonly closed: AbortController,
  ) {
    this.ended = this.read(response);
    this.ended.catch(() => {});
  }

  /** @throws Error with the refusal */
  static async open(gateway: Address, kernelId: string): Promise<EventStream> {
    const abort = new AbortController();
    const response = await call(gateway, `/v1/kernels/${kernelId}/events`, { signal: abort.signal });
    const type = response.headers.get('content-type');
    if (response.status !== 200 || type !== 'text/event-stream')
      throw new Error(`${response.status} ${type} ${await response.text()}`);
    return new EventStream(response, abort);
  }

  get last(): StreamedEvent | undefined {
    return this.events.at(-1);
  }

  close(): void {
    this.closed.abort();
  }

  /** Resolves when `look` is true of what came so far; rejects when no more can come. */
  until(look: (stream: this) => boolean): Promise<void> {
    const seen = new Promise<void>((resolve) => {
      const watcher = () => {
        if (!look(this)) return;
        this.watchers.delete(watcher);
        resolve();
      };
      this.watchers.add(watcher);
      watcher();
    });
    const over = this.ended.then(() => {
      if (!look(this)) throw new Error(`The stream ended with ${JSON.stringify(this.last)}`);
    });
    return Promise.race([seen, over]);
  }

  private async read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) this.take(block);
      for (const watcher of this.watchers) watcher();
    }
  }

  private take(block: string): void {
    const fields = block.split('\n').map((line) => [...line.split(/: ?(.*)/s, 2)] as [string, string]);
    const of = (name: string) => fields.find(([field]) => field === name)?.[1] ?? '';
    const comment = fields.find(([field]) => field === '');
    if (of('data')) this.events.push({ type: of('event'), id: of('id'), kernel: JSON.parse(of('data')) as KernelView });
    else if (comment) this.comments.push(comment[1]);
  }
}
