import { Injectable } from '@nestjs/common';
import { Conflict, type Kernel, Unavailable } from '#libs/contracts';
import { AgentStream } from '#libs/jupyter';

const ANSWER_TIMEOUT_MS = 5_000;

/** Interrupts kernels, straight at their agents. */
@Injectable()
export class Interrupter {
  /**
   * @throws Conflict where it has ended; Unavailable where its agent does not answer
   */
  async interrupt(kernel: Kernel): Promise<void> {
    if (kernel.phase === 'ended' || kernel.phase === 'stopping')
      throw new Conflict(`The kernel has ended (${kernel.endReason ?? 'stopping'}).`);
    if (kernel.endpoint === null) throw new Conflict('The kernel has no process yet.');
    const { socket, tls, clientToken: token } = kernel.endpoint;
    const stream = AgentStream.connect({ socket, tls, token, role: 'client' });
    const timer = setTimeout(() => stream.end(), ANSWER_TIMEOUT_MS);
    try {
      await stream.opened();
      await stream.call('interrupt');
    } catch {
      throw new Unavailable("The kernel's agent does not answer.", { retryAfterSeconds: 1 });
    } finally {
      clearTimeout(timer);
      stream.end();
    }
  }
}
