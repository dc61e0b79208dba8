import { join } from 'node:path';
import { Child } from './child.js';
import { cleanEnvironment, freePort, type Gateway, resultsFolder } from './gateway.js';
import { parts } from './parts.js';

export interface EnterpriseGatewayOptions {
  /** Its kernelspecs lie in `<folder>/kernels`. */
  jupyterPath: string;
  /** TCP_NODELAY on each accepted connection, which the stock program leaves off. */
  noDelay?: boolean;
}

// Tornado turns the option on for the end of a response only, and off again after it; here it stays on.
const PATCH = `
from tornado import iostream
set_no_delay = iostream.IOStream.set_nodelay
iostream.IOStream.set_nodelay = lambda self, value: set_no_delay(self, True)
initialise = iostream.IOStream.__init__
def with_no_delay(self, *args, **kwargs):
    initialise(self, *args, **kwargs)
    set_no_delay(self, True)
iostream.IOStream.__init__ = with_no_delay
`;
const RUN = `
import sys
from enterprise_gateway.enterprisegatewayapp import launch_instance
sys.argv[0] = 'jupyter-enterprisegateway'
launch_instance()
`;

/** Jupyter Enterprise Gateway 3.3.0 from PyPI, as it comes but for listing kernels and running as root. */
export class EnterpriseGateway implements Gateway {
  readonly token = 'peer';
  private child: Child | undefined;

  private constructor(
    readonly name: string,
    private readonly port: number,
    private readonly options: EnterpriseGatewayOptions,
  ) {}

  static async start(options: EnterpriseGatewayOptions): Promise<EnterpriseGateway> {
    const name = options.noDelay ? 'Enterprise Gateway 3.3.0, TCP_NODELAY forced' : 'Enterprise Gateway 3.3.0';
    const gateway = new EnterpriseGateway(name, freePort(), options);
    await gateway.startAgain();
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    if (!this.child) throw new Error(`${this.name} does not run`);
    return this.child.pid;
  }

  async kill(): Promise<void> {
    await this.child?.end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.child?.end('SIGTERM');
  }

  async startAgain(): Promise<void> {
    const python = join(parts().enterpriseGateway, 'bin', 'python');
    const flags = [
      '--ip=127.0.0.1',
      `--port=${this.port}`,
      '--port_retries=0',
      `--EnterpriseGatewayApp.auth_token=${this.token}`,
      '--EnterpriseGatewayApp.list_kernels=True',
      '--EnterpriseGatewayApp.unauthorized_users=nobody',
    ];
    this.child = new Child(this.name, python, ['-c', (this.options.noDelay ? PATCH : '') + RUN, ...flags], {
      env: {
        ...cleanEnvironment(),
        JUPYTER_PATH: this.options.jupyterPath,
        PATH: `${join(parts().enterpriseGateway, 'bin')}:${process.env['PATH']}`,
        PYTHONUNBUFFERED: '1',
      },
      logFile: join(resultsFolder('logs'), `enterprise-gateway-${this.options.noDelay ? 'no-delay' : 'stock'}.log`),
    });
    await this.child.prints(/is available at/i);
  }
}
