import { Problem, type ProblemDocument } from '#libs/contracts';

/** All that a caller learns of a bug; the log of the service where it happened has the rest. */
export const GENERIC_FAILURE = 'The service failed to answer; its log says why.';

/** The document of a problem, or of what is one already; undefined for bugs. */
export function problemDocumentOf(error: unknown): ProblemDocument | undefined {
  if (error instanceof Problem) return error.toDocument();
  return isProblemDocument(error) ? error : undefined;
}

/** What a caller throws for an error that came over the bus, whichever transport carried it. */
export function errorFromBus(error: unknown): Error {
  if (error instanceof Error) return error;
  return isProblemDocument(error) ? Problem.from(error) : new Error(GENERIC_FAILURE);
}

function isProblemDocument(value: unknown): value is ProblemDocument {
  if (typeof value !== 'object' || value === null) return false;
  const { code, status, detail } = value as Partial<ProblemDocument>;
  return typeof code === 'string' && typeof status === 'number' && typeof detail === 'string';
}
