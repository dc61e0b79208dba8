/**
 * One Jupyter message as the raw bytes of its parts; nothing here was parsed. JSON parts are UTF-8.
 * @see https://jupyter-client.readthedocs.io/en/stable/messaging.html#general-message-format
 */
export interface RawMessage {
  channel: string;
  header: Buffer;
  parentHeader: Buffer;
  metadata: Buffer;
  content: Buffer;
  buffers: readonly Buffer[];
}

/** Channels on which a client may send. */
export type ClientChannel = 'shell' | 'control' | 'stdin';

/** The fields of a header that a relay may need. Clients in the wild leave out all but the first two. */
export interface MessageHeader {
  msg_id: string;
  msg_type: string;
  session?: string;
  username?: string;
  date?: string;
  version?: string;
}

export const EMPTY_OBJECT = Buffer.from('{}');
