import type { ProblemDocument } from '#libs/contracts';
import { type Seal, unsealed } from '#libs/domain';

/** A command (answered where the message says) or an event. */
export interface CallEnvelope {
  pattern: string;
  data: unknown;
}

/** An answer, or the end of it; the correlation id of the message says to which command. */
export interface ReplyEnvelope {
  done: boolean;
  value?: unknown;
  problem?: ProblemDocument;
  /** Text of an error that is not a problem; says nothing about what went wrong inside. */
  failure?: string;
}

export const encoded = (envelope: CallEnvelope | ReplyEnvelope, seal: Seal = unsealed): Buffer =>
  Buffer.from(seal.close(JSON.stringify(envelope)));

/** @throws Error where the body is no envelope */
export function decodedCall(content: Buffer, seal: Seal = unsealed): CallEnvelope {
  const body = JSON.parse(seal.open(content.toString())) as Partial<CallEnvelope> | null;
  if (typeof body?.pattern !== 'string') throw new Error('a message without a pattern');
  return { pattern: body.pattern, data: body.data };
}

/** Of another version of us, perhaps; what can't be read is a failure of the other side. */
export const decodedReply = (content: Buffer, seal: Seal = unsealed): ReplyEnvelope =>
  JSON.parse(seal.open(content.toString())) as ReplyEnvelope;
