import { randomUUID } from 'node:crypto';
import type { Ending, Kernel } from '#libs/contracts';
import type { ClientMessage } from '#libs/jupyter';
import { isSilent } from './is-silent.js';

const KEPT = 'Beamgate: this kernel is kept.';

/** A line per sentence: notebooks break long lines inside words. */
function warning({ at, detail }: Ending, { id, executionState }: Kernel): string {
  const time = new Date(at).toISOString().slice(11, 16);
  const way = executionState === 'busy' ? `POST /v1/kernels/${id}/keep keeps it.` : 'Run any cell to keep it.';
  return [
    `Beamgate: this kernel will be ended at ${time} UTC; its variables will be lost.`,
    ...detail.split(/(?<=[.;]) /),
    way,
  ].join('\n');
}

/**
 * Tells of the end that the gatekeeper has planned for a kernel, as output of the cell that this client ran last, and
 * takes that back when the kernel is kept. A notebook shows what comes late for a cell below it.
 */
export class EndWarning {
  #displayId = `beamgate-end-${randomUUID()}`;
  #cell: Buffer | null = null;
  /** Where the warning stands, and the end that it tells. */
  #shown: { in: Buffer | null; at: number } | null = null;
  #kernel: Kernel | null = null;
  #connected = false;

  constructor(private readonly publish: (type: string, content: object, parent?: Buffer) => void) {}

  /** Header part of the execution that was asked for last; null where there was none. */
  get cell(): Buffer | null {
    return this.#cell;
  }

  /** A message of the client. */
  asked({ header, message }: ClientMessage): void {
    if (header.msg_type === 'execute_request' && !isSilent(message.content)) this.#cell = Buffer.from(message.header);
  }

  /** The kernel's agent knows the last cell of the session longer than a socket or a service lives. */
  connected(lastCell: Record<string, unknown> | null): void {
    if (lastCell !== null) this.#cell ??= Buffer.from(JSON.stringify(lastCell));
    this.#connected = true;
    this.#tell();
  }

  /** Goes on where an older socket of the session stood. */
  adopt(older: EndWarning): void {
    this.#cell ??= older.#cell;
    this.#shown = older.#shown;
    this.#displayId = older.#displayId;
  }

  changed(kernel: Kernel): void {
    this.#kernel = kernel;
    this.#tell();
  }

  #tell(): void {
    const kernel = this.#kernel;
    if (!this.#connected || kernel?.phase !== 'ready' || kernel.ending?.at === this.#shown?.at) return;
    if (kernel.ending === null) this.#withdraw();
    else this.#warn(kernel.ending, kernel);
  }

  /** Without a cell of this client it goes unparented, to the log of the notebook. */
  #warn(ending: Ending, kernel: Kernel): void {
    const text = warning(ending, kernel);
    const again = this.#shown !== null && this.#shown.in === this.#cell;
    this.#shown = { in: this.#cell, at: ending.at };
    if (this.#cell === null) this.publish('stream', { name: 'stderr', text: `${text}\n` });
    else this.#show(again ? 'update_display_data' : 'display_data', text, this.#cell);
  }

  #withdraw(): void {
    if (this.#shown?.in) this.#show('update_display_data', KEPT, this.#shown.in);
    this.#shown = null;
  }

  #show(type: string, text: string, cell: Buffer): void {
    const content = { data: { 'text/plain': text }, metadata: {}, transient: { display_id: this.#displayId } };
    this.publish(type, content, cell);
  }
}
