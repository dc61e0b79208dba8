import {
  Kernel,
  KernelManager,
  type KernelMessage,
  KernelSpecManager,
  ServerConnection,
  type Session,
  SessionManager,
} from '@jupyterlab/services';
import { WebSocket } from 'ws';

/** Says which request failed and why: by itself `fetch` says only that it did. */
const explainedFetch: typeof fetch = async (input, init) => {
  try {
    return await fetch(input, init);
  } catch (error) {
    const url = input instanceof Request ? input.url : String(input);
    throw new TypeError(`${url}: ${String((error as Error).cause ?? error)}`, { cause: error });
  }
};

/** JupyterLab's own client library on a notebook server: what a browser tab holds. */
export class Lab {
  readonly settings: ServerConnection.ISettings;
  readonly kernels: KernelManager;
  readonly sessions: SessionManager;
  readonly specs: KernelSpecManager;

  constructor(server: { url: string; token: string }) {
    this.settings = ServerConnection.makeSettings({
      baseUrl: `${server.url}/`,
      wsUrl: `${server.url.replace('http', 'ws')}/`,
      token: server.token,
      appendToken: true,
      WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
      fetch: explainedFetch,
    });
    const serverSettings = this.settings;
    this.kernels = new KernelManager({ serverSettings });
    this.sessions = new SessionManager({ serverSettings, kernelManager: this.kernels });
    this.specs = new KernelSpecManager({ serverSettings });
  }

  /** Opens a notebook as JupyterLab does: a session, whose kernel the server starts. */
  async session(path: string, kernelspec = 'python3'): Promise<Session.ISessionConnection> {
    const session = await this.sessions.startNew({
      path,
      name: path,
      type: 'notebook',
      kernel: { name: kernelspec },
    });
    // A kernel that ends before it ever ran answers with an error, which the library rejects and nobody awaits.
    session.kernel?.info.catch(() => {});
    return session;
  }

  /** The kernel of such a session. */
  async open(path: string, kernelspec?: string): Promise<Kernel.IKernelConnection> {
    const session = await this.session(path, kernelspec);
    if (!session.kernel) throw new Error('The session has no kernel');
    return session.kernel;
  }

  dispose(): void {
    this.sessions.dispose();
    this.kernels.dispose();
    this.specs.dispose();
  }
}

type Reply = KernelMessage.IExecuteReplyMsg['content'];

/** A cell that was sent: its outputs as they arrive. */
export class Cell {
  readonly messages: KernelMessage.IIOPubMessage[] = [];
  readonly done: Promise<Reply>;
  private readonly watchers = new Set<() => void>();
  private readonly future: ReturnType<Kernel.IKernelConnection['requestExecute']>;

  constructor(kernel: Kernel.IKernelConnection, code: string, answers: string[] = []) {
    this.future = kernel.requestExecute({ code, allow_stdin: answers.length > 0, store_history: true }, false);
    this.future.onIOPub = (message) => {
      this.messages.push(message);
      for (const watcher of this.watchers) watcher();
    };
    this.future.onStdin = (message) => {
      if (message.header.msg_type !== 'input_request') return;
      this.future.sendInputReply({ status: 'ok', value: answers.shift() ?? '' }, message.header as never);
    };
    this.done = this.future.done.then((reply) => reply?.content as Reply);
    // Who awaits `done` sees the rejection; a cell that nobody awaits must not end the test run.
    this.done.catch(() => {});
  }

  /** What it printed. */
  get text(): string {
    return this.of('stream')
      .map(({ content }) => (content as { text: string }).text)
      .join('');
  }

  /** The same, of each message once: one that comes again may stand between two halves of a line. */
  get textOnce(): string {
    const once = new Map(this.of('stream').map(({ header, content }) => [header.msg_id, content as { text: string }]));
    return [...once.values()].map(({ text }) => text).join('');
  }

  of(type: string): KernelMessage.IIOPubMessage[] {
    return this.messages.filter(({ header }) => header.msg_type === type);
  }

  /** Plain text of what it displays now, updates and clearing applied, as a notebook would show it. */
  get shown(): string[] {
    const shown: { id: string | undefined; text: string; stream: boolean }[] = [];
    let clearNext = false;
    for (const { header, content } of this.messages) {
      const { data, transient, wait } = content as {
        data?: Record<string, string>;
        transient?: { display_id?: string };
        wait?: boolean;
      };
      const plain = () => String(data?.['text/plain'] ?? '');
      const id = transient?.display_id;
      if (header.msg_type === 'clear_output') {
        if (wait) clearNext = true;
        else shown.length = 0;
      } else if (header.msg_type === 'update_display_data') {
        for (const item of shown) if (item.id === id) item.text = plain();
      } else if (['display_data', 'execute_result', 'stream', 'error'].includes(header.msg_type)) {
        if (clearNext) shown.length = 0;
        clearNext = false;
        const { text, evalue } = content as { text?: string; evalue?: string };
        const last = shown.at(-1);
        // Streams that follow each other are one output, however they were cut.
        if (header.msg_type === 'stream' && last?.stream) last.text += text ?? '';
        else shown.push({ id, text: text ?? evalue ?? plain(), stream: header.msg_type === 'stream' });
      }
    }
    return shown.map(({ text }) => text);
  }

  /** Resolves when `look` is true of the outputs so far. Ends with the test's own time limit. */
  until(look: (cell: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watcher = () => {
        if (!look(this)) return;
        this.watchers.delete(watcher);
        resolve();
      };
      this.watchers.add(watcher);
      watcher();
    });
  }
}

export const cell = (kernel: Kernel.IKernelConnection, code: string, answers?: string[]): Cell =>
  new Cell(kernel, code, answers);

/** Runs a cell to its end and gives what it printed. @throws Error with the kernel's message when it failed */
export async function run(kernel: Kernel.IKernelConnection, code: string, answers?: string[]): Promise<string> {
  const sent = cell(kernel, code, answers);
  const reply = await sent.done;
  if (reply.status === 'error') throw new Error(`${reply.ename}: ${reply.evalue}`);
  return sent.text;
}

/** What any client's cells print from now on, once `wanted` is true of it: a line may come in two messages. */
export const overheard = (kernel: Kernel.IKernelConnection, wanted: (text: string) => boolean): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    kernel.iopubMessage.connect((_, { header, content }) => {
      if (header.msg_type !== 'stream') return;
      text += (content as { text: string }).text;
      if (wanted(text)) resolve(text);
    });
  });

/** Resolves once the kernel, as JupyterLab sees it, has that status. */
export function status(kernel: Kernel.IKernelConnection, wanted: string): Promise<void> {
  if (kernel.status === wanted) return Promise.resolve();
  return new Promise((resolve) => {
    const listen = (_: unknown, now: string) => {
      if (now !== wanted) return;
      kernel.statusChanged.disconnect(listen);
      resolve();
    };
    kernel.statusChanged.connect(listen);
  });
}

/** Resolves once the kernel's socket, as JupyterLab sees it, is in that state. */
export function connection(kernel: Kernel.IKernelConnection, wanted: string): Promise<void> {
  if (kernel.connectionStatus === wanted) return Promise.resolve();
  return new Promise((resolve) => {
    const listen = (_: unknown, now: string) => {
      if (now !== wanted) return;
      kernel.connectionStatusChanged.disconnect(listen);
      resolve();
    };
    kernel.connectionStatusChanged.connect(listen);
  });
}
