import type { EndReason, Kernel } from '#libs/contracts';

/** What a notebook says about the end of its kernel. */
const SENTENCES: Record<EndReason, string> = {
  'shut-down': 'The kernel was shut down.',
  culled: 'The kernel was ended by a time limit, and its variables are lost.',
  reclaimed:
    'The idle kernel was ended to make room for others, and its variables are lost; restarted it takes its old place in the queue.',
  preempted: 'The kernel was ended to make room for work of a higher priority.',
  reservation: 'The kernel was ended because a reservation of its resources began.',
  'out-of-memory': 'The kernel was ended because it used more memory than it may.',
  crashed: 'The kernel crashed.',
  'launch-failed': 'The kernel could not be started.',
  'image-pull': 'The kernel could not be started: the image of its environment could not be fetched.',
  unschedulable: 'The kernel could not be placed on any node.',
  'queue-expired': 'The kernel waited in the queue for longer than allowed.',
  'node-lost': 'The kernel is lost: the node or agent that ran it is gone.',
  revoked: 'The kernel was ended because the access it was made with was revoked.',
  admin: 'The kernel was ended by an administrator.',
};

/** A sentence on why the kernel ended, with the detail that is known. */
export function endSentence(kernel: Pick<Kernel, 'endReason' | 'detail'>): string {
  const sentence = kernel.endReason === null ? 'The kernel ended.' : SENTENCES[kernel.endReason];
  return kernel.detail === '' || sentence.includes(kernel.detail) ? sentence : `${sentence} ${kernel.detail}`;
}
