import type { AgentEvent } from '#libs/jupyter';
import type { Exit } from './kernel-news.js';

/** How a kernel ended, as its agent saw it. */
export const exitOf = ({ code, signal, outOfMemory }: AgentEvent): Pick<Exit, 'code' | 'signal' | 'outOfMemory'> => ({
  code: typeof code === 'number' ? code : null,
  signal: typeof signal === 'number' ? signal : null,
  outOfMemory: outOfMemory === true,
});

/** Of a kernel that ended while it started. @param error  what the agent says, if anything */
export function startFailure({ code, signal }: Pick<Exit, 'code' | 'signal'>, error: unknown): string {
  const why = signal === null ? `exit code ${code}` : `signal ${signal}`;
  return sentenceOf(typeof error === 'string' ? error : `the kernel ended while it started (${why})`);
}

export const sentenceOf = (reason: string): string =>
  `${reason.charAt(0).toUpperCase()}${reason.slice(1).replace(/\.$/, '')}.`;
