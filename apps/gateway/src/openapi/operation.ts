import type { z } from 'zod';

/** One call of the REST interface, as its description needs it. */
export interface Operation {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With `{id}` for parameters. */
  path: string;
  summary: string;
  body?: z.ZodType;
  query?: Readonly<Record<string, string>>;
  /** Status → meaning, and the schema of its body where it has one. */
  answers: Readonly<Record<number, readonly [meaning: string, schema?: z.ZodType]>>;
  /** Of what is answered; JSON without it. */
  type?: string;
  open?: boolean;
}
