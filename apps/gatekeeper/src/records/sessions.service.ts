import { Injectable } from '@nestjs/common';
import { Conflict, type SessionRow } from '#libs/contracts';
import { Writer } from '../writer/writer.js';

/** Which path is on which kernel. */
@Injectable()
export class SessionsService {
  constructor(private readonly writer: Writer) {}

  /** New, or changed by its owner. */
  save(session: SessionRow): Promise<SessionRow> {
    return this.writer.command(async (draft) => {
      const existing = await draft.session(session.id);
      if (existing && existing.owner !== session.owner) throw new Conflict(`The session id ${session.id} is taken.`);
      draft.changes.sessions.set(session.id, session);
      return () => session;
    });
  }

  /** One that is gone already is no error. */
  delete(id: string): Promise<void> {
    return this.writer.command(async (draft) => {
      draft.changes.sessions.set(id, null);
      return () => undefined;
    });
  }
}
