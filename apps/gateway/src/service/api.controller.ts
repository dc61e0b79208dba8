import { Controller, Get, Header, Inject } from '@nestjs/common';
import { CurrentIdentity, Public } from '#libs/auth';
import type { Identity } from '#libs/contracts';
import { VERSION } from '#libs/platform';
import { KernelsService } from '../kernels/kernels.service.js';
import { CONNECTION_COUNTS, type ConnectionCounts } from '../ports.js';

/** The contract that is honoured: versions that clients compare. */
const JUPYTER_SERVER = '1.24.0';
const ENTERPRISE_GATEWAY = '3.3.0';

/** What clients ask of the service as a whole. */
@Controller()
export class ApiController {
  readonly #started = new Date().toISOString();

  constructor(
    private readonly kernels: KernelsService,
    @Inject(CONNECTION_COUNTS) private readonly connections: ConnectionCounts,
  ) {}

  @Get('api')
  version(): object {
    return { version: JUPYTER_SERVER, gateway_version: ENTERPRISE_GATEWAY, beamgate_version: VERSION };
  }

  /** Of all kernels for an admin, else of the caller's own. */
  @Get('api/status')
  async status(@CurrentIdentity() identity: Identity): Promise<object> {
    const admin = identity.scopes.includes('admin');
    const shown = admin ? await this.kernels.listAll() : await this.kernels.list(identity);
    const living = shown.filter(({ phase }) => phase !== 'ended');
    const connections = living.reduce((sum, { id }) => sum + this.connections.of(id), 0);
    const last = Math.max(0, ...shown.map(({ lastActivityAt }) => lastActivityAt));
    return {
      started: this.#started,
      last_activity: last === 0 ? this.#started : new Date(last).toISOString(),
      connections,
      kernels: living.length,
      queued: living.filter(({ phase }) => phase === 'queued').length,
    };
  }

  @Public()
  @Get(['api/swagger.json', 'api/spec'])
  async swagger(): Promise<object> {
    return (await import('../openapi/documents.js')).dialectDocument();
  }

  @Public()
  @Get(['api/swagger.yaml', 'api/spec.yaml'])
  @Header('content-type', 'text/x-yaml')
  async swaggerYaml(): Promise<string> {
    const { stringify } = await import('yaml');
    return stringify((await import('../openapi/documents.js')).dialectDocument());
  }

  @Public()
  @Get('v1/openapi.json')
  async openapi(): Promise<object> {
    return (await import('../openapi/documents.js')).v1Document(VERSION);
  }
}
