/** A line of the run's own report, which `--silent` leaves in: seeds to repeat it by, and what was counted. */
export const say = (line: string): void => void process.stderr.write(`  ${line}\n`);
