import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chartSchema } from './chart-schema.js';
import { configHelp, configReference } from './describe-config.js';
import { loadConfig } from './load-config.js';
import { queuesReference } from './queues-reference.js';

const folder = mkdtempSync(join(tmpdir(), 'beamgate-config-'));
const file = (text: string, name = 'beamgate.yaml'): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const load = (argv: string[], env: Record<string, string> = {}) => loadConfig(argv, env).config;
const refusal = (argv: string[], env: Record<string, string> = {}): string => {
  try {
    loadConfig(argv, env);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('was accepted');
};

describe('precedence', () => {
  const path = file('port: 1001\nauth: {audience: from-file, staticTokenUser: eve}\n');

  it('takes a flag over the environment, that over the file, that over the default', () => {
    const config = load(['--config', path, '--port', '1003'], {
      BEAMGATE_PORT: '1002',
      BEAMGATE_AUTH_AUDIENCE: 'from-environment',
    });
    expect(config).toMatchObject({ port: 1003, host: '127.0.0.1' });
    expect(config.auth).toMatchObject({ audience: 'from-environment', staticTokenUser: 'eve' });
  });

  it('reads the file that BEAMGATE_CONFIG names, JSON too', () => {
    const json = file('{"port": 1004}', 'beamgate.json');
    expect(load([], { BEAMGATE_CONFIG: json }).port).toBe(1004);
  });

  it('takes our own variable over that of Enterprise Gateway, and EG_ over KG_', () => {
    expect(load([], { EG_PORT: '1', KG_PORT: '2' }).port).toBe(1);
    expect(load([], { EG_PORT: '1', BEAMGATE_PORT: '3' }).port).toBe(3);
    expect(load([], { KG_PORT: '2' }).port).toBe(2);
  });
});

describe('values as text', () => {
  it('reads switches, lists and objects from flags', () => {
    const config = load([
      '--keep-kernels',
      '--no-kernels-offer-installed',
      '--kernels-cgroups=no',
      '--auth-authorized-users',
      'ana, bo',
      '--auth-groups={"xas":["ana"]}',
      '--log-file',
      '-',
    ]);
    expect(config.keepKernels).toBe(true);
    expect(config.kernels).toMatchObject({ offerInstalled: false, cgroups: false });
    expect(config.auth).toMatchObject({ authorizedUsers: ['ana', 'bo'], groups: { xas: ['ana'] } });
    expect(config.log.file).toBe('-');
  });

  it('reads Enterprise Gateway forms', () => {
    const config = load([], {
      EG_BASE_URL: 'eg/api-v2',
      EG_AUTH_TOKEN: 'sesame',
      EG_ALLOWED_KERNELS: "['python3', 'ir']",
      EG_UNAUTHORIZED_USERS: 'root',
      EG_MAX_KERNELS_PER_USER: '-1',
      EG_CLIENT_ENVS: 'PYTHONHASHSEED',
      EG_INHERITED_ENVS: 'MODULEPATH',
      EG_ALLOW_CREDENTIALS: 'true',
      EG_KERNEL_LAUNCH_TIMEOUT: '90',
    });
    expect(config.baseUrl).toBe('/eg/api-v2/');
    expect(config.auth).toMatchObject({ staticToken: 'sesame', unauthorizedUsers: ['root'] });
    expect(config.kernels.allowedKernelspecs).toEqual(['python3', 'ir']);
    expect(config.kernels.clientEnv).toEqual(['KERNEL_*', 'PYTHONHASHSEED']);
    expect(config.kernels.inheritedEnv).toEqual(expect.arrayContaining(['PATH', 'MODULEPATH']));
    expect(config.kernels.launchTimeoutSeconds).toBe(90);
    expect(config.scheduling.maxKernelsPerUser).toBe(10_000);
    expect(config.cors.allowCredentials).toBe(true);
  });

  it('takes the culling of Enterprise Gateway, and says what of it is not needed', () => {
    const timeout = { EG_CULL_IDLE_TIMEOUT: '3600' };
    expect(load([], { ...timeout, EG_CULL_BUSY: 'False' }).culling).toMatchObject({
      idleSeconds: 3600,
      busySeconds: 0,
    });
    expect(load([], { ...timeout, EG_CULL_BUSY: 'True' }).culling.busySeconds).toBe(3600);
    expect(load([], { EG_CULL_IDLE_TIMEOUT: '-1', EG_CULL_BUSY: '1' }).culling).toMatchObject({
      idleSeconds: 0,
      busySeconds: 0,
    });
    expect(loadConfig([], { EG_CULL_CONNECTED: 'False', KG_CULL_INTERVAL: '60' }).notices).toEqual([
      'EG_CULL_CONNECTED is not needed: whether a notebook is open never counts: a kernel ends by its state and use alone',
      'KG_CULL_INTERVAL is not needed: nothing polls: each kernel is looked at when its time has come',
    ]);
  });

  it('names variables of Enterprise Gateway that it ignores, and ignores empty ones', () => {
    const { notices, config } = loadConfig([], { EG_RESPONSE_IP: '10.0.0.1', EG_PORT: '' });
    expect(notices).toEqual(['no meaning here, ignored: EG_RESPONSE_IP']);
    expect(config.port).toBe(8888);
  });
});

describe('refusals name the key, where it was set and what is accepted', () => {
  it.each([
    [['--port', 'x'], 'port (flag --port): `x` is not a number; accepted: integer ≥ 0 and ≤ 65535'],
    [['--port'], 'port (flag --port): needs a value; accepted: integer ≥ 0 and ≤ 65535'],
    [
      ['--auth', 'open'],
      'auth.mode (flag --auth): Invalid option: expected one of "token"|"none"; accepted: `token`, `none`',
    ],
    [['--prot', '1'], '--prot (flag): unknown flag (did you mean --port?)'],
    [['--auth-groups', '{'], 'auth.groups (flag --auth-groups): not valid JSON; accepted: object'],
    [['--store-url', 'mysql://db'], 'store.url (flag --store-url): must be a postgresql:// URL; accepted: string'],
    [['--bus-url', 'db'], 'bus.url (flag --bus-url): must be an amqp:// or amqps:// URL; accepted: string'],
    [['--default-profile', 'huge'], 'defaultProfile (flag --default-profile): no profile huge; accepted: small'],
  ])('%j', (argv, message) => expect(refusal(argv)).toBe(message));

  it('in the environment', () => {
    expect(refusal([], { BEAMGATE_POTR: '1' })).toBe(
      'BEAMGATE_POTR (environment): unknown variable (did you mean BEAMGATE_PORT?)',
    );
    expect(refusal([], { EG_PORT: '99999' })).toMatch(/^port \(environment EG_PORT\): .*accepted: integer ≥ 0/);
  });

  it('in the file, all faults at once', () => {
    const path = file('prot: 1\nauth:\n  issuers: [{issuer: nowhere}]\n  audience: 3\n', 'bad.yaml');
    const lines = refusal(['--config', path]).split('\n');
    expect(lines).toEqual([
      `prot (file ${path}): unknown key (did you mean port?)`,
      `auth.audience (file ${path}): Invalid input: expected string, received number; accepted: string`,
      `auth.issuers.0.issuer (file ${path}): Invalid URL`,
    ]);
  });

  it('a file that is not there or not YAML', () => {
    expect(refusal(['--config', join(folder, 'none')])).toMatch(/none \(file\): ENOENT/);
    expect(refusal(['--config', file('a: [', 'broken.yaml')])).toMatch(/broken\.yaml \(file\)/);
  });

  it('pods without the images that they are made of', () => {
    const pods = ['--compute-host', 'kubernetes'];
    expect(refusal(pods)).toMatch(/compute\.agentImage.*\n.*compute\.images/);
    const complete = [...pods, '--compute-agent-image', 'agent:1', '--compute-images', '{"python3":{"image":"k:1"}}'];
    expect(load(complete).compute.images).toEqual({ python3: { image: 'k:1', python: 'python3' } });
  });

  it('`auth none` beyond loopback', () => {
    expect(refusal(['--auth', 'none', '--host', '0.0.0.0'])).toBe(
      'auth.mode (flag --auth): `none` trusts every caller, so host must be a loopback address, not 0.0.0.0',
    );
    expect(load(['--auth', 'none', '--host', '127.0.0.5']).auth.mode).toBe('none');
  });
});

describe('descriptions', () => {
  it('lists every flag in the help', () => {
    expect(loadConfig(['--help', '--nonsense'], {}).help).toBe(true);
    expect(configHelp('beamgate')).toContain('--auth-static-token STRING');
  });

  it('keeps the schema of the chart current (`npm run docs` writes it)', () => {
    expect(readFileSync('k8s/chart/values.schema.json', 'utf8')).toBe(chartSchema());
  });

  it('keeps docs/reference/queues-yaml.md current (`npm run docs` writes it)', () => {
    expect(readFileSync('docs/reference/queues-yaml.md', 'utf8')).toBe(queuesReference());
  });

  it('keeps docs/reference/configuration.md current (`npm run docs` writes it)', () => {
    expect(readFileSync('docs/reference/configuration.md', 'utf8')).toBe(configReference());
  });
});
