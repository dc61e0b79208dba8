/** A job of a trace: rigid, from one instant on. */
export interface TraceJob {
  /** Its place among the jobs of the trace by submit time; ties in the order of the file. */
  readonly index: number;
  /** Since the first one; with an arrival factor rounded, halves to the even number. */
  readonly submitMs: number;
  /** How long it runs: killed at its estimate. > 0. */
  readonly runMs: number;
  /** What its user said, else `runMs`. */
  readonly estimateMs: number;
  /** Processors. */
  readonly size: number;
}

export interface Trace {
  readonly processors: number;
  readonly jobs: readonly TraceJob[];
  /** Jobs that never ran, had no size, or are larger than the machine. */
  readonly dropped: number;
}

export interface TraceOptions {
  /** Of the machine. */
  readonly processors: number;
  /** Submit times are multiplied by it: below 1 squeezes the same work into less time. 1 by default. */
  readonly arrivalFactor?: number;
}

/** Columns of the format, from 0. */
const SUBMIT = 1;
const RUN = 3;
const ALLOCATED = 4;
const REQUESTED = 7;
const ESTIMATE = 8;

/**
 * Reads a trace in the Standard Workload Format: one job a line, 18 numbers, seconds; `;` begins a comment, -1 says
 * unknown. The size is what was requested, else what was allocated.
 *
 * @throws SyntaxError naming the line that has no numbers where they are needed
 * @see Chapin et al., "Benchmarks and standards for the evaluation of parallel job schedulers", JSSPP 1999
 */
export function readSwf(text: string, { processors, arrivalFactor = 1 }: TraceOptions): Trace {
  const jobs: Job[] = [];
  let dropped = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.trim();
    if (words === '' || words.startsWith(';')) continue;
    const job = readJob(words.split(/\s+/).map(Number));
    if (job === undefined) throw new SyntaxError(`line ${index + 1} is no job: ${words.slice(0, 80)}`);
    if (job.runMs > 0 && job.size > 0 && job.size <= processors) jobs.push(job);
    else dropped += 1;
  }
  jobs.sort((a, b) => a.submitMs - b.submitMs);
  const origin = jobs[0]?.submitMs ?? 0;
  const submitMs = (job: Job): number => roundHalfEven((job.submitMs - origin) * arrivalFactor);
  return { processors, jobs: jobs.map((job, index) => ({ ...job, index, submitMs: submitMs(job) })), dropped };
}

type Job = Omit<TraceJob, 'index'>;

function readJob(columns: readonly number[]): Job | undefined {
  const [submit, run, allocated, requested = -1, estimate = -1] = [SUBMIT, RUN, ALLOCATED, REQUESTED, ESTIMATE].map(
    (column) => columns[column],
  );
  if (submit === undefined || run === undefined || allocated === undefined) return undefined;
  const known = estimate > 0 ? estimate : run;
  const job = {
    submitMs: Math.round(submit * 1_000),
    runMs: Math.round(Math.min(run, known) * 1_000),
    estimateMs: Math.round(known * 1_000),
    size: requested > 0 ? requested : allocated,
  };
  return Object.values(job).every(Number.isSafeInteger) ? job : undefined;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}
