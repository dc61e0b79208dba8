import type { WaitExplanation } from '#libs/contracts';

const HOW_TO_LEAVE =
  'Interrupt takes waiting cells back and keeps the place; shutting the kernel down gives the place up.';

/** The wait in the two forms that every notebook can show. A line per sentence: notebooks break long ones in words. */
export function waitText(wait: WaitExplanation | null): { 'text/plain': string; 'text/html': string } {
  const lines = (wait?.text ?? 'The kernel is starting.').replaceAll(/\p{Cc}/gu, ' ').split(/(?<=\.) /);
  const [first = '', ...rest] = lines.map(escaped);
  const hint = wait === null || wait.reason === 'launching' || wait.reason === 'warm-starting' ? [] : [HOW_TO_LEAVE];
  const html = [`<strong>${first}</strong>`, ...rest, ...hint.map((line) => `<small>${line}</small>`)];
  return { 'text/plain': [...lines, ...hint].join('\n'), 'text/html': `<div>${html.join('<br>')}</div>` };
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] as string);
