import { Injectable, Logger } from '@nestjs/common';
import { Writer } from '../writer/writer.js';

/** One line per change of a kernel's state. */
@Injectable()
export class KernelLog {
  readonly #log = new Logger('Gatekeeper');

  constructor(writer: Writer) {
    writer.onCommit(({ kernels, passing }) => {
      const quiet = new Set(passing.map(({ payload }) => (payload['kernel'] as { id: string }).id));
      for (const { id, owner, kernelspec, phase, endReason, detail } of kernels) {
        if (!quiet.has(id)) this.#log.log({ kernelId: id, owner, kernelspec, phase, endReason, detail, msg: 'kernel' });
      }
    });
  }
}
