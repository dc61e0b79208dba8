import { readFileSync, writeFileSync } from 'node:fs';

/** What a kubelet sets for the whole machine, whatever namespace it runs in. */
const SETTINGS = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops'].map(
  (name) => `/proc/sys/${name}`,
);

/** Notes those settings as they are. @returns puts them back */
export function keepKernelSettings(): () => void {
  const before = SETTINGS.map((file) => [file, readFileSync(file, 'utf8')] as const);
  return () => {
    for (const [file, value] of before) if (readFileSync(file, 'utf8') !== value) writeFileSync(file, value);
  };
}
