import { randomUUID } from 'node:crypto';
import { EMPTY_OBJECT, packV1 } from '#libs/jupyter';

/**
 * A v1 frame of a message that Beamgate itself makes.
 *
 * @param session  the kernel's own session where it is known: JupyterLab drops messages that it has not yet handled
 *                 when the session in the header changes
 * @param parent   header part of the request it answers, as bytes; absent: unparented
 */
export function gatewayMessage(
  channel: string,
  type: string,
  content: object,
  session: string,
  parent: Buffer = EMPTY_OBJECT,
): Buffer {
  const header = {
    msg_id: randomUUID(),
    msg_type: type,
    username: 'beamgate',
    session,
    date: new Date().toISOString(),
    version: '5.4',
  };
  return packV1({
    channel,
    header: Buffer.from(JSON.stringify(header)),
    parentHeader: parent,
    metadata: EMPTY_OBJECT,
    content: Buffer.from(JSON.stringify(content)),
    buffers: [],
  });
}
