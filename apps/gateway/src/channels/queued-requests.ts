import type { KernelInfo } from '#libs/contracts';
import type { ClientMessage } from '#libs/jupyter';
import type { KernelLink } from './kernel-link.js';
import { answers, type OpenRequests } from './open-requests.js';
import type { OwnMessages } from './own-messages.js';
import type { WaitNotice } from './wait-notice.js';

const TAKEN_BACK =
  'This cell was taken back before it ran. The notebook keeps its place in the queue: run the cell again to have it ' +
  'run there, or shut the kernel down to give the place up.';

/** What can be done for requests whose kernel waits in the queue. */
export class QueuedRequests {
  constructor(
    private readonly requests: OpenRequests,
    private readonly link: Pick<KernelLink, 'withdraw'>,
    private readonly own: OwnMessages,
    private readonly notice: Pick<WaitNotice, 'clear'>,
    private readonly loadInfo: () => Promise<KernelInfo | undefined>,
  ) {}

  /** A request that is held for the kernel. */
  received({ channel, header }: ClientMessage): void {
    const { msg_id: id, msg_type: type } = header;
    if (type === 'kernel_info_request') void this.#answerInfo(id);
    else if (type === 'interrupt_request' && channel === 'control' && this.#withdraw(id)) {
      this.takeBack();
      this.#answer(id, { status: 'ok' });
    }
  }

  /** Requests came over from another socket of the session. */
  adopted(): void {
    for (const id of this.requests.idsOf('kernel_info_request')) void this.#answerInfo(id);
  }

  /** Gives back the cells that wait, as an interrupted kernel does: the first fails, the others are not run. */
  takeBack(): void {
    this.notice.clear();
    const cells = new Set(this.requests.idsOf('execute_request'));
    const [first, ...others] = this.link.withdraw((id) => cells.has(id));
    if (first === undefined) return;
    this.own.publish(this.requests.fail('KeyboardInterrupt', TAKEN_BACK, this.own.session, [first]));
    for (const id of others) this.#answer(id, { status: 'aborted' });
  }

  /** From what an earlier kernel of the environment answered; where none has run yet, the request stays held. */
  async #answerInfo(id: string): Promise<void> {
    const info = await this.loadInfo().catch(() => undefined);
    if (info === undefined || !this.#withdraw(id)) return;
    const { name, version } = info.language_info;
    this.#answer(id, { status: 'ok', ...info, banner: `${name} ${version}`.trim(), help_links: [] });
    // Clients go by the last status: the `idle` of the answer is not the kernel's.
    this.own.tell('status', { execution_state: 'starting' });
  }

  /** @returns false where the request has gone to the kernel, which then answers it */
  #withdraw = (id: string): boolean => this.link.withdraw((held) => held === id).length > 0;

  #answer(id: string, content: object): void {
    const request = this.requests.take(id);
    if (request !== undefined) this.own.publish(answers(request, content, this.own.session));
  }
}
