import { randomUUID } from 'node:crypto';
import type { WaitExplanation } from '#libs/contracts';
import type { ClientMessage } from '#libs/jupyter';
import { gatewayMessage } from './gateway-message.js';
import { isSilent } from './is-silent.js';
import type { ChannelTiming } from './options.js';

const time = (instant: number): string => new Date(instant).toISOString().slice(11, 16);

/** The wait for people, a line per sentence: notebooks break long lines inside words. */
export function waitText(wait: WaitExplanation | null): string {
  if (wait === null) return 'The kernel is starting.';
  if (wait.reason === 'launching') return wait.text;
  const band = wait.expectedStart;
  const when = band === null ? 'unknown' : `${time(band.earliest)} to ${time(band.latest)} UTC`;
  const expected = ` Expected start: ${when}.`;
  return `${wait.text}${expected}`.replaceAll('. ', '.\n');
}

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
    private readonly publish: (frame: Buffer) => void,
    private readonly explain: () => Promise<WaitExplanation | null>,
    private readonly session: string,
    private readonly timing: Pick<ChannelTiming, 'noticeAfter' | 'explainEvery'>,
  ) {}

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
    if (request !== null && wasShown) this.#tell('clear_output', { wait: false }, request);
  }

  async #refresh(): Promise<void> {
    const request = this.#request;
    if (request === null) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#refresh(), this.timing.explainEvery);
    // With the gatekeeper away the last text stands.
    const text = await this.explain().then(waitText, () => this.#shown ?? 'Waiting for a kernel.');
    if (request !== this.#request || text === this.#shown) return;
    const first = this.#shown === null;
    this.#shown = text;
    if (first) this.#tell('status', { execution_state: 'busy' }, request);
    this.#tell(
      first ? 'display_data' : 'update_display_data',
      { data: { 'text/plain': text }, metadata: {}, transient: { display_id: this.#displayId } },
      request,
    );
  }

  #tell(type: string, content: object, request: Buffer): void {
    this.publish(gatewayMessage('iopub', type, content, this.session, request));
  }
}
