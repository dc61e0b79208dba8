const DAY = 86_400;
/** People come back every day; jobs are a matter of weeks. */
const DAILY = new Set(['live', 'interactive']);

/** Seconds after which past use of a class counts half: as configured, else a day where people wait, else a week. */
export const halfLifeSecondsOf = (halfLifeSeconds: Readonly<Record<string, number>>, name: string): number =>
  halfLifeSeconds[name] ?? (DAILY.has(name) ? DAY : 7 * DAY);
