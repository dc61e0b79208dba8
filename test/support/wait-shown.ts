import { EventStream } from './event-stream.js';
import type { Gateway } from './gateway.js';
import { type Cell, cell, Lab } from './lab.js';
import { eventually } from './processes.js';
import { getKernel } from './v1.js';

/** Everywhere that a user looks at a kernel that waits: a cell of JupyterLab's client, a stream of events, REST, a command. */
export class WaitShown {
  private constructor(
    private readonly gateway: Gateway,
    private readonly id: string,
    private readonly why: (id: string) => string,
    readonly stream: EventStream,
    readonly cell: Cell,
    private readonly lab: Lab,
  ) {}

  /** @param why  what the command says of a kernel */
  static async open(gateway: Gateway, id: string, why: (id: string) => string): Promise<WaitShown> {
    const stream = await EventStream.open(gateway, id);
    const lab = new Lab(gateway);
    const sent = cell(lab.kernels.connectTo({ model: { id, name: 'python3' } }), 'print("ran")');
    return new WaitShown(gateway, id, why, stream, sent, lab);
  }

  close(): void {
    this.stream.close();
    this.lab.dispose();
  }

  /**
   * The text, once all of them say it word for word and it is `pattern`.
   * @throws Error with what each says, where they do not agree within half a minute
   */
  async alike(pattern: RegExp): Promise<string> {
    let said: string[] = [];
    const look = async (): Promise<string | undefined> => {
      const command = this.why(this.id).trimEnd();
      const rest = (await getKernel(this.gateway, this.id)).wait?.text ?? '';
      // A line per sentence, and below them what the user can do.
      const shown = this.cell.shown
        .join('')
        .replaceAll('\n', ' ')
        .replace(/ Interrupt takes waiting cells.*/, '');
      said = [command, rest, this.stream.last?.kernel.wait?.text ?? '', shown];
      return pattern.test(command) && new Set(said).size === 1 ? command : undefined;
    };
    return eventually(`all say of ${this.id} that it is ${pattern}`, look, 30).catch((error: Error) => {
      throw new Error(`${error.message}\n${said.join('\n')}`);
    });
  }
}
