import { type AgentEndpoint, KernelId } from '#libs/contracts';
import { AgentStream } from '#libs/jupyter';

/**
 * Which kernel the agent of a pod that was warm serves now: it alone knows, for a claim calls nobody else.
 *
 * @returns undefined where it serves none, or says nothing within `patienceMs`
 */
export async function claimedKernel(
  { socket, tls, controlToken: token }: AgentEndpoint,
  term: number,
  patienceMs: number,
): Promise<KernelId | undefined> {
  const stream = AgentStream.connect({ socket, tls, token, role: 'control', term });
  const timer = setTimeout(() => stream.end(), patienceMs);
  try {
    const { claimed } = await stream.opened();
    if (!claimed) return undefined;
    return KernelId.safeParse((await stream.call('stats'))['kernelId']).data;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    stream.end();
  }
}
