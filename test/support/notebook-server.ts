import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { Child } from './child.js';
import { type Address, cleanEnvironment, remove, resultsFolder, temporaryFolder } from './gateway.js';
import { parts, root } from './parts.js';

const ADD_ON = join(root, 'clients/jupyter-server');

export interface NotebookServerOptions {
  gateway: Address;
  /** `lab` serves JupyterLab's pages too. */
  program?: 'server' | 'lab';
  /** With our add-on from `clients/jupyter-server`. */
  addOn?: boolean;
  env?: Record<string, string>;
  /** More options, as on the command line. */
  flags?: string[];
  /** How the token is sent; Enterprise Gateway knows `token` alone. */
  scheme?: 'Bearer' | 'token';
  /** Notebook folder; default: a new temporary one, removed at stop. */
  folder?: string;
}

/** A stock notebook server from PyPI in front of a gateway, steered by nothing but its documented options. */
export class NotebookServer {
  readonly token = 'notebook';
  readonly folder: string;
  url = '';
  private child: Child | undefined;
  private readonly home = temporaryFolder('home');

  private constructor(private readonly options: NotebookServerOptions) {
    this.folder = options.folder ?? temporaryFolder('notebooks');
  }

  static async start(options: NotebookServerOptions): Promise<NotebookServer> {
    const server = new NotebookServer(options);
    await server.launch(0);
    return server;
  }

  /** What the server logged: its own view of the gateway. */
  get log(): string {
    return this.child?.output ?? '';
  }

  async stop(): Promise<void> {
    await this.child?.end('SIGKILL');
    if (this.options.folder === undefined) remove(this.folder);
    remove(this.home);
  }

  /** `kill -9`, so that it ends no kernel, and a new one on the same folder. */
  async killAndStartAgain(): Promise<void> {
    await this.child?.end('SIGKILL');
    await this.launch(0);
  }

  /** JupyterLab asks on the first start whether it may fetch news; nobody is here to answer. */
  private declineNews(settings: string): void {
    const folder = join(settings, '@jupyterlab/apputils-extension');
    mkdirSync(folder, { recursive: true });
    const declined = { fetchNews: 'false', checkForUpdates: false };
    writeFileSync(join(folder, 'notification.jupyterlab-settings'), JSON.stringify(declined));
  }

  private async launch(port: number): Promise<void> {
    this.declineNews(join(this.home, 'settings'));
    const { gateway, program = 'server' } = this.options;
    const bin = join(parts().jupyter, 'bin');
    this.child = new Child(
      `jupyter ${program}`,
      join(bin, 'python'),
      [
        ...['-m', program === 'lab' ? 'jupyterlab' : 'jupyter_server'],
        `--gateway-url=${gateway.url}`,
        `--GatewayClient.auth_scheme=${this.options.scheme ?? 'Bearer'}`,
        `--GatewayClient.auth_token=${gateway.token}`,
        `--ServerApp.port=${port}`,
        '--ServerApp.ip=127.0.0.1',
        '--ServerApp.open_browser=False',
        `--ServerApp.root_dir=${this.folder}`,
        `--IdentityProvider.token=${this.token}`,
        '--ServerApp.allow_root=True',
        ...(this.options.flags ?? []),
      ],
      {
        env: {
          ...cleanEnvironment(),
          PATH: `${bin}:${process.env['PATH']}`,
          // As an installed wheel: its module on the path, its file of data where configuration is looked for.
          ...(this.options.addOn && { PYTHONPATH: ADD_ON, JUPYTER_CONFIG_PATH: join(ADD_ON, 'jupyter-config') }),
          JUPYTER_CONFIG_DIR: join(this.home, 'config'),
          JUPYTER_DATA_DIR: join(this.home, 'data'),
          JUPYTER_RUNTIME_DIR: join(this.home, 'runtime'),
          JUPYTERLAB_SETTINGS_DIR: join(this.home, 'settings'),
          JUPYTERLAB_WORKSPACES_DIR: join(this.home, 'workspaces'),
          PYTHONUNBUFFERED: '1',
          ...this.options.env,
        },
        logFile: join(resultsFolder('logs'), `notebook-server-${basename(this.folder)}.log`),
      },
    );
    // Port 0 is told only in this line, which may come before the server takes connections.
    const [, address = ''] = await this.child.prints(/(http:\/\/127\.0\.0\.1:\d+)\//);
    await taking(address);
    this.url = address;
  }
}

/** Resolves when the address takes connections. */
async function taking(address: string): Promise<void> {
  const port = Number(new URL(address).port);
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    } finally {
      socket.destroy();
    }
  }
}
