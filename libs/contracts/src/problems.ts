/** Which part of a request is wrong: `field` is a dotted path into body, query or header. */
export interface FieldError {
  field: string;
  message: string;
}

/** RFC 9457 body; `code` is for programs, `detail` for people, `instance` is the request id. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  instance?: string;
  errors?: FieldError[];
  [field: string]: unknown;
}

/**
 * A condition that a caller can act on. Anything else that is thrown is a bug and reaches the client as a bare 500.
 * Crosses the bus as its document, never as a stack trace.
 */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly detail: string,
    readonly fields: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
    this.name = code;
  }

  /** Defines a problem by its code and status; instances carry the typed fields. */
  static define<F extends object = Record<never, never>>(code: string, status: number) {
    return class extends Problem {
      static readonly code = code;
      static readonly status = status;
      constructor(detail: string, fields?: F) {
        super(code, status, detail, (fields ?? {}) as Record<string, unknown>);
      }
    };
  }

  static from(document: ProblemDocument): Problem {
    const { type: _type, title: _title, status, code, detail, instance: _instance, ...fields } = document;
    return new Problem(code, status, detail, fields);
  }

  toDocument(instance?: string): ProblemDocument {
    return {
      type: `https://beamgate.dev/problems/${this.code}`,
      title: this.code.replaceAll('-', ' '),
      status: this.status,
      code: this.code,
      detail: this.detail,
      ...(instance === undefined ? {} : { instance }),
      ...this.fields,
    };
  }
}

/** The request's shape is wrong; `errors` names each field. 422 on /v1, 400 on the Enterprise Gateway paths. */
export class InvalidRequest extends Problem.define<{ errors: FieldError[] }>('invalid-request', 422) {}
/** No token, or one that is not valid here; the detail says which check failed. */
export class Unauthenticated extends Problem.define('unauthenticated', 401) {}
/** The caller is known and may not do this. */
export class Forbidden extends Problem.define('forbidden', 403) {}
/** Nothing of that id is visible to the caller (another owner's is not visible either). */
export class NotFound extends Problem.define('not-found', 404) {}
/** The id is taken, or the thing is in a state that does not allow this. */
export class Conflict extends Problem.define('conflict', 409) {}
/** What was to be changed is not as the caller saw it any more. */
export class PreconditionFailed extends Problem.define('precondition-failed', 412) {}
/** The caller has to say what it saw. */
export class PreconditionRequired extends Problem.define('precondition-required', 428) {}
/** The request can never fit; retrying will not help. */
export class NeverFits extends Problem.define<{ requested: object; limit: object }>('never-fits', 422) {}
/** Too large a body, frame or field. */
export class TooLarge extends Problem.define('too-large', 413) {}
/** The caller asks too often, or has too many sockets open; try again after `retryAfterSeconds`. */
export class TooManyRequests extends Problem.define<{ retryAfterSeconds: number; limit: number }>(
  'too-many-requests',
  429,
) {}
/** A part that is needed to answer durably is away; try again after `retryAfterSeconds`. */
export class Unavailable extends Problem.define<{ retryAfterSeconds: number }>('unavailable', 503) {}
/** As many kernels wait as may wait; try again after `retryAfterSeconds`. */
export class TooManyQueued extends Problem.define<{ limit: number; retryAfterSeconds: number }>(
  'too-many-queued',
  503,
) {}
