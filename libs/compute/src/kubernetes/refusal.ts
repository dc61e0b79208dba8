import type { ApiException } from '@kubernetes/client-node';
import { sentenceOf, statusOf } from './calls.js';

const FORBIDDEN = /^\w+ "[^"]*" is forbidden: /;
const QUOTA = /exceeded quota: (.+?), requested: (.+), used: (.+), limited: (.+)$/;

/**
 * Why a pod could not be made, as a sentence for its user.
 *
 * @param error      of the API server, or one that has a sentence already
 * @param namespace  where it was to be
 */
export function refusal(error: unknown, namespace: string): string {
  const said = sentenceOf(error);
  if (statusOf(error) === undefined) return said;
  const why = said.replace(FORBIDDEN, '');
  const [, quota, requested, used, limited] = QUOTA.exec(why) ?? [];
  if (quota !== undefined)
    return `The quota ${quota} of the namespace ${namespace} leaves no room: the kernel asks for ${requested}, ${used} of ${limited} are used.`;
  const { code } = error as ApiException<unknown>;
  return `The cluster refused the pod of the kernel in the namespace ${namespace} (${code}): ${why}`;
}
