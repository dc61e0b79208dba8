import { SchedulingConfig } from '#libs/contracts';
import { configFaults } from './config-faults.js';
import { entryName } from './named.js';
import type { Fault } from './place.js';
import type { NodeTotals } from './reservation-faults.js';

/** Either what was read, or why it can't be used; one fault at least then. */
export type ReadConfig = { readonly config: SchedulingConfig } | { readonly faults: readonly Fault[] };

/**
 * Reads a configuration from what its YAML or JSON holds. Faults of its form are all told together; what the whole can
 * tell is looked at once the form is right.
 */
export function readConfig(value: unknown, totals?: NodeTotals): ReadConfig {
  const parsed = SchedulingConfig.safeParse(value ?? {});
  if (!parsed.success) {
    const faults = parsed.error.issues.flatMap((issue) => {
      const at = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
      if (issue.code !== 'unrecognized_keys') return [formFault(value, at, issue.message)];
      return issue.keys.map((key) => formFault(value, [...at, key], 'there is no such setting'));
    });
    return { faults };
  }
  const faults = configFaults(parsed.data, totals);
  return faults.length > 0 ? { faults } : { config: parsed.data };
}

function formFault(root: unknown, at: readonly (string | number)[], message: string): Fault {
  const names: string[] = [];
  let value = root;
  for (const step of at) {
    value = (value as Record<string | number, unknown> | undefined)?.[step];
    names.push((typeof step === 'number' ? entryName(value) : undefined) ?? String(step));
  }
  return { path: names.join('.'), at, message };
}
