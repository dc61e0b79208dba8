import { readFileSync, rmSync } from 'node:fs';
import { remove } from '../support/gateway.js';
import { PostgresServer } from '../support/postgres-server.js';
import { eventually } from '../support/processes.js';
import { RabbitServer } from '../support/rabbit-server.js';
import { type ServiceOptions, ServiceProcess } from '../support/service-process.js';
import { TlsAuthority, type TlsParty } from '../support/tls-authority.js';
import { createKernel, endKernel, inPhase } from '../support/v1.js';

const TOKEN = 'of-the-test';
type Files = Partial<TlsParty['files']>;
type Kind = ServiceOptions['kind'];

describe('services that speak through servers of mutual TLS', () => {
  const [authority, others] = [new TlsAuthority(), new TlsAuthority()];
  const own = authority.party('beamgate');
  const strange = { ...others.party('beamgate').files, ca: authority.certificate };
  const started: ServiceProcess[] = [];
  let database: PostgresServer;
  let broker: RabbitServer;
  let url: string;

  beforeAll(async () => {
    const tls = authority.party('server');
    database = await PostgresServer.start({ tls: own });
    broker = await RabbitServer.start({ tls });
    await broker.settle();
    url = await database.createDatabase();
  }, 180_000);
  afterEach(async () => {
    for (const service of started.splice(0)) {
      await service.kill();
      remove(service.data);
    }
  });
  afterAll(async () => {
    await Promise.all([database?.remove(), broker?.remove()]);
    for (const { folder } of [authority, others]) remove(folder);
  });

  /** A service that is not started yet. */
  const service = (kind: Kind, name: string, store: object, bus: object): ServiceProcess => {
    const config = {
      store: { url, tls: own.files, ...store },
      bus: { url: broker.url, tls: own.files, reconnectSeconds: 1, ...bus },
      auth: { staticToken: TOKEN, staticTokenUser: 'ada' },
    };
    const one = new ServiceProcess({ kind, name: `tls-${name}`, config });
    started.push(one);
    rmSync(one.logFile, { force: true });
    return one;
  };
  const all = async (): Promise<[ServiceProcess, ServiceProcess, ServiceProcess]> => {
    const gatekeeper = service('gatekeeper', 'gatekeeper', {}, {});
    const launcher = service('launcher', 'launcher', {}, {});
    const gateway = service('gateway', 'gateway', {}, {});
    await Promise.all([gatekeeper.start(), launcher.start()]);
    await gateway.start();
    return [gateway, gatekeeper, launcher];
  };
  const edge = ({ url: at, pid }: ServiceProcess) => ({ name: 'gateway', url: at, token: TOKEN, pid }) as never;
  const checksOf = async ({ url: at }: ServiceProcess): Promise<Record<string, string>> =>
    ((await (await fetch(`${at}/readyz`)).json()) as { checks: Record<string, string> }).checks;
  /** What its readiness says of one check, once it says what is expected; its log says it too. */
  const refused = async (one: ServiceProcess, check: string, why: RegExp): Promise<void> => {
    let seen: unknown;
    await eventually(`${one.name}: ${check} is refused (${why})`, async () => {
      seen = await checksOf(one).catch((error: Error) => error.message);
      return why.test((seen as Record<string, string>)[check] ?? '') ? true : undefined;
    }).catch((error: Error) => {
      throw new Error(`${error.message}; it says ${JSON.stringify(seen)}`);
    });
    expect(readFileSync(one.logFile, 'utf8')).toMatch(why);
  };

  it('accepts a submission, and runs it', async () => {
    const [gateway] = await all();
    const { id } = await createKernel(edge(gateway));
    await inPhase(edge(gateway), id, 'ready');
    await endKernel(edge(gateway), id);
    await inPhase(edge(gateway), id, 'ended');
  }, 180_000);

  const ca = authority.certificate;
  const REFUSED: [string, Files, RegExp][] = [
    ['no certificate', { ca }, /certificate required|requires a valid client certificate/i],
    ['a certificate of another authority', strange, /unknown ca|bad certificate|decrypt error/i],
    ['a server of another authority', { ...own.files, ca: others.certificate }, /unable to verify|self-signed/i],
    ['a file that is not there', { ...own.files, ca: `${ca}.not` }, /no such file.*\.not/i],
  ];
  it.each(REFUSED)(
    'says that RabbitMQ is out of reach: %s',
    async (_, files, why) => {
      const launcher = service('launcher', 'strange-launcher', {}, { tls: files });
      launcher.begin();
      await refused(launcher, 'bus', why);
    },
    60_000,
  );

  it.each(REFUSED)(
    'says that PostgreSQL is out of reach: %s',
    async (_, files, why) => {
      const gateway = service('gateway', 'strange-gateway', { tls: files }, {});
      await gateway.start();
      await refused(gateway, 'store', why);
    },
    60_000,
  );

  it.each(REFUSED)(
    'ends a gatekeeper with why it can’t have its store: %s',
    async (_, files, why) => {
      const gatekeeper = service('gatekeeper', 'strange-gatekeeper', { tls: files }, {});
      await expect(gatekeeper.start()).rejects.toThrow(why);
    },
    60_000,
  );

  it('checks the name of the server', async () => {
    const named = (text: string): string => text.replace('127.0.0.1', 'localhost');
    const gateway = service('gateway', 'misled-gateway', { url: named(url) }, {});
    await gateway.start();
    await refused(gateway, 'store', /does not match certificate/);
    const launcher = service('launcher', 'misled-launcher', {}, { url: named(broker.url) });
    launcher.begin();
    await refused(launcher, 'bus', /does not match certificate/);
  }, 60_000);

  it('uses certificates that were rotated, without a restart', async () => {
    const files = authority.party('rotated').files;
    const turned = authority.party('turned');
    TlsAuthority.replace({ ...turned, files }, others.party('late'));
    const launcher = service('launcher', 'rotated-launcher', {}, { tls: files });
    launcher.begin();
    await refused(launcher, 'bus', /unknown ca|bad certificate|decrypt error/i);
    TlsAuthority.replace({ ...turned, files }, turned);
    await launcher.serving();
    expect(await checksOf(launcher)).toEqual({ bus: 'ok' });
  }, 60_000);

  it('sends nothing in clear where certificates are given', async () => {
    const plain = service('launcher', 'plain-launcher', {}, { url: broker.url.replace('amqps', 'amqp') });
    await expect(plain.start()).rejects.toThrow(/bus\.url is an amqps/);
  });
});
