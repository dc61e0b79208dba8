import { randomUUID } from 'node:crypto';
import type { WaitExplanation } from '#libs/contracts';
import type { ClientMessage } from '#libs/jupyter';
import { isSilent } from './is-silent.js';
import type { ChannelTiming } from './options.js';
import type { OwnMessages } from './own-messages.js';
import { waitText } from './wait-text.js';

/**
 * Shows, as output of the first cell that was sent, why its kernel is not there yet; kept current while it waits and
 * taken away before the real output. Needs no extension in the notebook.
 */
export class WaitNotice {
  readonly #displayId = `beamgate-wait-${randomUUID()}`;
  #request: Buffer | null = null;
  #shown: string | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly own: Pick<OwnMessages, 'tell'>,
    private readonly explain: () => Promise<WaitExplanation | null>,
    private readonly timing: Pick<ChannelTiming, 'noticeAfter' | 'explainEvery'>,
  ) {}

  /** Whether a cell has the notice, or will have it. */
  get pending(): boolean {
    return this.#request !== null;
  }

  /** A message that is held; the first execution that is not silent gets the notice. */
  held({ header, message }: ClientMessage): void {
    if (this.#request !== null || header.msg_type !== 'execute_request' || isSilent(message.content)) return;
    this.watch(Buffer.from(message.header));
  }

  /** Gives the notice to the execution of this header part. */
  watch(request: Buffer): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#request = request;
    this.#timer = setTimeout(() => void this.#refresh(), this.timing.noticeAfter);
  }

  /** The kernel changed: look again at once, if somebody looks at all. */
  changed(): void {
    if (this.#shown !== null) void this.#refresh();
  }

  /** Takes the notice away. At once and not upon the next output: a cell may well have none. */
  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const request = this.#request;
    const wasShown = this.#shown !== null;
    this.#request = null;
    this.#shown = null;
    if (request !== null && wasShown) this.own.tell('clear_output', { wait: false }, request);
  }

  async #refresh(): Promise<void> {
    const request = this.#request;
    if (request === null) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#refresh(), this.timing.explainEvery);
    // With the gatekeeper away the last text stands.
    const wait = await this.explain().catch(() => undefined);
    if (request !== this.#request || (wait === undefined && this.#shown !== null)) return;
    const data = waitText(wait ?? null);
    if (data['text/plain'] === this.#shown) return;
    const first = this.#shown === null;
    this.#shown = data['text/plain'];
    if (first) this.own.tell('status', { execution_state: 'busy' }, request);
    this.own.tell(
      first ? 'display_data' : 'update_display_data',
      { data, metadata: {}, transient: { display_id: this.#displayId } },
      request,
    );
  }
}
