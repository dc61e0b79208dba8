import { legacyText, parentId, parseHeader, type RawMessage, unpackV1 } from '#libs/jupyter';
import { gatewayMessage } from '../gateway-message.js';
import type { FrameSink } from './client-framing.js';
import { LegacyFraming } from './legacy-framing.js';

const PARENTS_REMEMBERED = 256;

/**
 * For an unmodified notebook server. It decodes every binary frame as UTF-8 outside its error handling and never reads
 * again after one that is not, so none is ever sent: a message goes without its buffers, and the user is told so once
 * per request.
 */
export class TornadoFraming extends LegacyFraming {
  override readonly name = 'legacy-text';
  /** Its notebooks show repeats; it is near, and slower than its confirmations. */
  override readonly mostOpen = 64;
  readonly #told = new Set<string>();

  override write(sink: FrameSink, _seq: number, frame: Buffer): void {
    const message = unpackV1(frame);
    sink.send(legacyText(message), false);
    if (message.buffers.length > 0) this.#tell(sink, message);
  }

  #tell(sink: FrameSink, message: RawMessage): void {
    const parent = parentId(message.parentHeader) ?? '';
    if (this.#told.has(parent)) return;
    this.#told.add(parent);
    if (this.#told.size > PARENTS_REMEMBERED) this.#told.delete(this.#told.values().next().value as string);
    const { msg_type: type, session = '' } = parseHeader(message.header);
    const bytes = message.buffers.reduce((size, buffer) => size + buffer.length, 0);
    const text =
      `Beamgate: ${message.buffers.length} binary buffer(s) of together ${bytes} bytes in a ${type} message were left ` +
      'out, because this notebook server cannot take binary messages from a gateway. Widgets that need them will not ' +
      'work; connect with a client that speaks the v1 kernel subprotocol instead.\n';
    const notice = gatewayMessage('iopub', 'stream', { name: 'stderr', text }, session, message.parentHeader);
    sink.send(legacyText(unpackV1(notice)), false);
  }
}
