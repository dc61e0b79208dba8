import { Readable } from 'node:stream';
import { Controller, Get, Inject, Query, StreamableFile } from '@nestjs/common';
import { z } from 'zod';
import { CurrentIdentity } from '#libs/auth';
import type { Identity } from '#libs/contracts';
import { INPUT_LOG_READER, type InputLogReader, type LoggedInput } from '#libs/store';
import { Parsed } from '../http/body.pipe.js';
import { requireAdmin } from './require-admin.js';

const Time = z.iso
  .datetime({ offset: true, error: 'is no time of ISO 8601, such as 2026-12-01T08:00:00Z' })
  .transform((text) => Date.parse(text));
const LogQuery = z
  .strictObject({ from: Time.optional(), to: Time.optional() })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ['to'],
    error: 'is not after from',
  });
const FORMAT = 1;
/** Of instants: later than all. */
const EVER = Number.MAX_SAFE_INTEGER;

/** What the scheduling core was given, for admins, to be replayed by `beamgate simulate`. */
@Controller('v1/admin/log')
export class LogController {
  constructor(@Inject(INPUT_LOG_READER) private readonly log: InputLogReader) {}

  /** A line that says what was asked for, then one for each step; the first of them has the state that it began with. */
  @Get()
  async read(
    @CurrentIdentity() identity: Identity,
    @Query(new Parsed(LogQuery)) { from, to }: z.output<typeof LogQuery>,
  ): Promise<StreamableFile> {
    requireAdmin(identity);
    const rows = this.log.rows(from ?? 0, to ?? EVER)[Symbol.asyncIterator]();
    // Where the store is away, that is said while it can be.
    const first = await rows.next();
    const header = { kind: 'log', format: FORMAT, from: from ?? null, to: Math.min(to ?? EVER, Date.now()) };
    return new StreamableFile(Readable.from(lines(header, first, rows)), { type: 'application/x-ndjson' });
  }
}

async function* lines(
  header: object,
  first: IteratorResult<LoggedInput>,
  rows: AsyncIterator<LoggedInput>,
): AsyncGenerator<string> {
  yield `${JSON.stringify(header)}\n`;
  for (let next = first; !next.done; next = await rows.next()) {
    const { seq, epoch, at, origin, events } = next.value;
    yield `${JSON.stringify({ kind: 'step', seq, epoch, at, origin, events })}\n`;
  }
}
