import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BuiltInIssuer } from '#libs/auth';
import type { KernelSubmission, Scope } from '#libs/contracts';
import { type Call, FakeAgent, gatewayParts, restClient } from '#libs/testing';
import { GatewayModule } from '../gateway.module.js';
import { openEdge } from '../http/edge.js';
import { CONNECTION_COUNTS, type ConnectionCounts } from '../ports.js';

let app: NestFastifyApplication;
let ana: Call;
let bo: Call;
let mallory: Call;
let hub: Call;
let root: Call;
const parts = gatewayParts({
  auth: {
    groups: { xas: ['ana'], tomo: ['ana', 'bo'] },
    projects: { spectra: ['xas'], volumes: ['tomo'] },
    instruments: { B7: ['xas'], B3: ['tomo'] },
    unauthorizedUsers: ['mallory'],
    staticToken: 'sesame',
    staticTokenActAs: ['xas'],
  },
  scheduling: { cpuMilli: 4000, memoryBytes: 8 * 1024 ** 3 },
  profiles: {
    small: {
      requests: { cpuMilli: 500, memoryBytes: 256 * 1024 ** 2 },
      limits: { cpuMilli: null, memoryBytes: 4 * 1024 ** 3 },
    },
  },
});
const { kernels } = parts.gatekeeper;

const client = async (url: string, user: string, scopes: Scope[] = ['kernels']): Promise<Call> => {
  const record = async (row: { id: string }) => void parts.gatekeeper.tokens.set(row.id, row as never);
  const { token } = await app.get(BuiltInIssuer).issueToken({ user, scopes }, 'root', record);
  return restClient(url, token);
};

beforeAll(async () => {
  app = await openEdge(GatewayModule.with(parts), parts.config, parts.log);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  ana = await client(url, 'ana');
  bo = await client(url, 'bo');
  mallory = await client(url, 'mallory');
  root = await client(url, 'root', ['kernels', 'admin']);
  hub = restClient(url, 'sesame');
});
afterAll(() => app.close());

const submitted = (id: string): KernelSubmission =>
  parts.gatekeeper.sent.find(({ input }) => (input as KernelSubmission).id === id)?.input as KernelSubmission;

describe('POST /api/kernels', () => {
  it('counts a kernel to the project of its owner, where there is one or one is named', async () => {
    const projectOf = async (caller: Call, env: Record<string, string> = {}): Promise<string | null> =>
      submitted((await caller('POST', '/api/kernels', { env })).body.id).project;
    expect(await projectOf(bo)).toBe('volumes');
    expect(await projectOf(ana)).toBeNull();
    expect(await projectOf(ana, { KERNEL_PROJECT: 'spectra' })).toBe('spectra');
    expect(await projectOf(hub, { KERNEL_USERNAME: 'ana', KERNEL_PROJECT: 'volumes' })).toBe('volumes');
    const refused = await bo('POST', '/v1/kernels', { project: 'spectra' });
    expect(refused.status).toBe(403);
    expect(refused.body.detail).toBe('spectra is not a project of bo; those are volumes.');
    const made = await ana('POST', '/v1/kernels', { project: 'spectra' });
    expect(made.body.project).toBe('spectra');
    expect(submitted(made.body.id).launch.env).toMatchObject({ KERNEL_PROJECT: 'spectra' });
  });

  it('counts a kernel to an instrument of its owner in the same way', async () => {
    const instrumentOf = async (caller: Call, env: Record<string, string> = {}): Promise<string | null> =>
      submitted((await caller('POST', '/api/kernels', { env })).body.id).instrument;
    expect(await instrumentOf(bo)).toBe('B3');
    expect(await instrumentOf(ana)).toBeNull();
    expect(await instrumentOf(hub, { KERNEL_USERNAME: 'ana', KERNEL_INSTRUMENT: 'B7' })).toBe('B7');
    const refused = await bo('POST', '/api/kernels', { env: { KERNEL_INSTRUMENT: 'B7' } });
    expect([refused.status, refused.body.message]).toEqual([403, 'B7 is not an instrument of bo; those are B3.']);
    const made = await ana('POST', '/v1/kernels', { instrument: 'B7' });
    expect(made.body.instrument).toBe('B7');
    expect(submitted(made.body.id).launch.env).toMatchObject({ KERNEL_INSTRUMENT: 'B7' });
  });

  it('answers at once with 201, Location and a model that notebook servers can parse', async () => {
    const answer = await ana('POST', '/api/kernels', {
      name: 'python3',
      env: { KERNEL_LAUNCH_TIMEOUT: '40', KERNEL_WORKING_DIR: '/home/ana/nb' },
    });
    expect(answer.status).toBe(201);
    const { id } = answer.body;
    expect(answer.headers.get('location')).toBe(`/api/kernels/${id}`);
    expect(answer.body).toEqual({
      id,
      name: 'python3',
      last_activity: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/),
      execution_state: 'starting',
      connections: 0,
    });
    expect(submitted(id)).toMatchObject({
      owner: 'ana',
      actor: 'ana',
      tokenId: expect.any(String),
      priorityClass: 'interactive',
      launch: { workingDirectory: '/home/ana/nb', launchTimeoutSeconds: 60 },
    });
    expect(submitted(id).launch.requests).toEqual(submitted(id).requests);
    expect(submitted(id).launch.env).toEqual({
      FROM_SPEC: 'yes',
      KERNEL_LAUNCH_TIMEOUT: '40',
      KERNEL_WORKING_DIR: '/home/ana/nb',
      KERNEL_ID: id,
      KERNEL_USERNAME: 'ana',
    });
  });

  it.each([
    ['no body', undefined, {}],
    ['an empty body that says it is JSON', '', {}],
    ['an empty object', {}, {}],
    ['a null name', { name: null }, {}],
    ['a body of another type', '{"name":"python3"}', { 'content-type': 'text/plain' }],
    ['members that mean nothing here', { name: 'python3', path: 'x', type: 'notebook' }, {}],
  ])('takes %s', async (_case, body, headers) => {
    expect(await ana('POST', '/api/kernels', body, headers)).toMatchObject({ status: 201, body: { name: 'python3' } });
  });

  it('may be given longer to answer by KERNEL_LAUNCH_TIMEOUT, never shorter', async () => {
    const answer = await ana('POST', '/api/kernels', { env: { KERNEL_LAUNCH_TIMEOUT: '300' } });
    expect(submitted(answer.body.id).launch.launchTimeoutSeconds).toBe(300);
  });

  it('takes the id that the client chose, so that a repeat is the same kernel', async () => {
    const id = randomUUID();
    const { body } = await ana('POST', '/api/kernels', { env: { KERNEL_ID: id.toUpperCase() } });
    expect(body.id).toBe(id);
  });

  it('leaves out variables that are not allowed, with a line in the log', async () => {
    const env = { KERNEL_NAMESPACE: 'kube-system', KERNEL_IMAGE: 'x', LD_PRELOAD: '/x.so', KERNEL_NOTE: 'kept' };
    const { body } = await ana('POST', '/api/kernels', { env });
    expect(submitted(body.id).launch.env).toMatchObject({ KERNEL_NOTE: 'kept' });
    for (const name of ['KERNEL_NAMESPACE', 'KERNEL_IMAGE', 'LD_PRELOAD'])
      expect(submitted(body.id).launch.env).not.toHaveProperty(name);
    expect(parts.lines.find(({ variables }) => variables)).toMatchObject({
      variables: ['KERNEL_NAMESPACE', 'KERNEL_IMAGE', 'LD_PRELOAD'],
      user: 'ana',
    });
  });

  it('overwrites the KERNEL_USERNAME of who may act for nobody, and believes it under act-as', async () => {
    const env = { KERNEL_USERNAME: 'ana' };
    const spoof = await bo('POST', '/api/kernels', { env });
    expect(submitted(spoof.body.id)).toMatchObject({
      owner: 'bo',
      actor: 'bo',
      launch: { env: { KERNEL_USERNAME: 'bo' } },
    });
    const granted = await hub('POST', '/api/kernels', { env });
    expect(submitted(granted.body.id)).toMatchObject({ owner: 'ana', actor: 'static' });
    expect((await ana('GET', `/api/kernels/${granted.body.id}`)).status).toBe(200);
    const outside = await hub('POST', '/api/kernels', { env: { KERNEL_USERNAME: 'bo' } });
    expect([outside.status, outside.body.message]).toEqual([
      403,
      'You may not start kernels for bo; that needs an act-as grant.',
    ]);
  });

  it('shares nothing between starts that overlap', async () => {
    const starts = Array.from({ length: 8 }, (_, n) =>
      ana('POST', '/api/kernels', n % 2 ? { env: { KERNEL_SECRET: `s${n}`, KERNEL_CPUS: '0.25' } } : undefined),
    );
    for (const [n, { body }] of (await Promise.all(starts)).entries()) {
      const { launch, requests } = submitted(body.id);
      expect(launch.env['KERNEL_SECRET']).toBe(n % 2 ? `s${n}` : undefined);
      expect(requests.cpuMilli).toBe(n % 2 ? 250 : 500);
    }
  });

  it.each([
    [{ env: 'x' }, 'env'],
    [{ env: { KERNEL_X: 5 } }, 'env.KERNEL_X'],
    [{ env: { KERNEL_X: 'x'.repeat(4097) } }, 'env.KERNEL_X'],
    [{ env: { KERNEL_X: 'a\nb' } }, 'env.KERNEL_X'],
    [{ env: { 'KERNEL_X Y': 'a' } }, 'env.KERNEL_X Y'],
    [{ env: { KERNEL_ID: 'mine' } }, 'env.KERNEL_ID'],
    [{ env: { KERNEL_LAUNCH_TIMEOUT: 'soon' } }, 'env.KERNEL_LAUNCH_TIMEOUT'],
    [{ env: { KERNEL_MEMORY: '4 elephants' } }, 'env.KERNEL_MEMORY'],
    [{ env: { KERNEL_PRIORITY_CLASS: 'urgent' } }, 'env.KERNEL_PRIORITY_CLASS'],
    [{ env: { KERNEL_WORKING_DIR: '../x' } }, 'env.KERNEL_WORKING_DIR'],
    [{ env: { KERNEL_USERNAME: '../../etc' } }, 'env.KERNEL_USERNAME'],
    [{ env: { KERNEL_GPUS: '1.5' } }, 'env.KERNEL_GPUS'],
    [{ name: 7 }, 'name'],
    [[], 'body'],
  ])('refuses %j with 400 and the field', async (body, field) => {
    const answer = await ana('POST', '/api/kernels', body);
    expect(answer).toMatchObject({ status: 400, body: { reason: 'invalid request', errors: [{ field }] } });
    expect(answer.body.message).toContain(field);
  });

  it('says in a sentence what policy forbids', async () => {
    const message = async (caller: Call, body: object) => {
      const answer = await caller('POST', '/api/kernels', body);
      return [answer.status, answer.body.message];
    };
    expect(await message(mallory, {})).toEqual([403, 'mallory may not start kernels here.']);
    expect(await message(ana, { env: { KERNEL_MEMORY_LIMIT: '8Gi' } })).toEqual([
      403,
      'env.KERNEL_MEMORY_LIMIT: 8 GiB of memory is more than this profile allows, 4 GiB of memory.',
    ]);
    expect(await message(ana, { env: { KERNEL_PRIORITY_CLASS: 'live' } })).toEqual([
      403,
      'The priority class live is for admins.',
    ]);
    expect(await message(ana, { name: 'fortran' })).toEqual([404, 'No kernelspec is named "fortran" here.']);
    expect(await message(ana, { name: '../../etc/passwd' })).toEqual([404, expect.stringContaining('No kernelspec')]);
  });
});

describe('kernels of the dialect', () => {
  it('are listed to owner and actor alone, and found by their id', async () => {
    const mine = kernels.add({ owner: 'ana', actor: 'ana', phase: 'ready', executionState: 'busy' });
    const made = kernels.add({ owner: 'carl', actor: 'ana' });
    const theirs = kernels.add({ owner: 'bo', actor: 'bo' });
    const listed = (await ana('GET', '/api/kernels')).body.map(({ id }: { id: string }) => id);
    expect(listed).toEqual(expect.arrayContaining([mine.id, made.id]));
    expect(listed).not.toContain(theirs.id);
    expect(await ana('GET', `/api/kernels/${theirs.id}`)).toMatchObject({
      status: 404,
      body: { message: `Kernel does not exist: ${theirs.id}` },
    });
    for (const [method, path] of [
      ['DELETE', ''],
      ['POST', '/interrupt'],
      ['POST', '/restart'],
    ] as const)
      expect((await ana(method, `/api/kernels/${theirs.id}${path}`)).status).toBe(404);
    expect((await root('GET', `/api/kernels/${theirs.id}`)).status).toBe(200);
    expect((await ana('GET', '/api/kernels/..%2f..%2fetc')).status).toBe(404);
  });

  it('show why they wait and how many sockets they have', async () => {
    const { id } = kernels.add({ owner: 'ana', phase: 'queued' });
    const closed = app.get<ConnectionCounts>(CONNECTION_COUNTS).opened(id);
    kernels.explanation = { position: 2, of: 3, reason: 'capacity', text: 'Second in line.', expectedStart: null };
    const { body } = await ana('GET', `/api/kernels/${id}`);
    kernels.explanation = null;
    closed();
    expect(body).toMatchObject({ connections: 1, queue: { position: 2, text: 'Second in line.' } });
  });

  it('that crashed are shown dead with the reason for a while; those shut down are gone', async () => {
    const ended = { owner: 'ana', phase: 'ended' as const, endedAt: Date.now() };
    const crashed = kernels.add({ ...ended, endReason: 'out-of-memory', detail: 'It used 5 GiB of 4 GiB.' });
    const old = kernels.add({ ...ended, endReason: 'crashed', endedAt: Date.now() - 7_200_000 });
    const shut = kernels.add({ ...ended, endReason: 'shut-down' });
    const leaving = kernels.add({ owner: 'ana', phase: 'stopping', endReason: 'shut-down' });
    expect((await ana('GET', `/api/kernels/${crashed.id}`)).body).toMatchObject({
      execution_state: 'dead',
      reason: 'It used 5 GiB of 4 GiB.',
    });
    expect((await ana('GET', `/api/kernels/${shut.id}`)).status).toBe(404);
    expect((await ana('GET', `/api/kernels/${leaving.id}`)).status).toBe(404);
    expect((await ana('GET', `/api/kernels/${old.id}`)).status).toBe(404);
    const listed = (await ana('GET', '/api/kernels')).body.map(({ id }: { id: string }) => id);
    expect(listed).toContain(crashed.id);
    expect(listed).not.toContain(shut.id);
  });

  it('end by DELETE, which may be repeated', async () => {
    const { id } = kernels.add({ owner: 'ana', phase: 'queued' });
    expect((await ana('DELETE', `/api/kernels/${id}`)).status).toBe(204);
    expect((await ana('DELETE', `/api/kernels/${id}`, {})).status).toBe(204);
    expect(await kernels.find(id)).toMatchObject({ phase: 'ended', endReason: 'shut-down' });
    expect((await ana('DELETE', `/api/kernels/${randomUUID()}`)).status).toBe(404);
  });

  it('that an admin ends say so', async () => {
    const { id } = kernels.add({ owner: 'ana' });
    await root('DELETE', `/api/kernels/${id}`);
    expect(await kernels.find(id)).toMatchObject({ endReason: 'admin', detail: 'Ended by root.' });
  });

  it('restart with an early answer', async () => {
    const { id } = kernels.add({ owner: 'ana', phase: 'ready', executionState: 'busy' });
    const answer = await ana('POST', `/api/kernels/${id}/restart`, {});
    expect(answer).toMatchObject({ status: 200, body: { id, execution_state: 'restarting' } });
  });

  it('are interrupted at their agent; those that run nothing yet, by nothing', async () => {
    const agent = await FakeAgent.listen();
    const { id } = kernels.add({ owner: 'ana', phase: 'ready', endpoint: agent.endpoint });
    const answers = await Promise.all([1, 2].map(() => ana('POST', `/api/kernels/${id}/interrupt`, {})));
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    expect(await agent.hellos.find(() => true)).toMatchObject({ role: 'client', token: 'client' });
    agent.close();
    expect(await ana('POST', `/api/kernels/${id}/interrupt`)).toMatchObject({
      status: 503,
      body: { message: "The kernel's agent does not answer." },
    });
    const queued = kernels.add({ owner: 'ana', phase: 'queued' });
    expect((await ana('POST', `/api/kernels/${queued.id}/interrupt`)).status).toBe(204);
  });
});

describe('/v1/kernels', () => {
  it('makes a kernel of what the body says', async () => {
    const id = randomUUID();
    const answer = await ana('POST', '/v1/kernels', {
      kernelspec: 'ir',
      id,
      env: { KERNEL_NOTE: 'x' },
      workingDirectory: '/data/run7',
      priorityClass: 'batch',
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/v1/kernels/${id}`);
    expect(answer.body).toMatchObject({
      id,
      owner: 'ana',
      kernelspec: 'ir',
      phase: 'queued',
      priorityClass: 'batch',
      wait: null,
    });
    expect(answer.body).not.toHaveProperty('endpoint');
    expect(answer.body).not.toHaveProperty('launch');
    expect(submitted(id).launch).toMatchObject({ workingDirectory: '/data/run7', env: { KERNEL_NOTE: 'x' } });
  });

  it.each([
    [{ kernelspecs: 'ir' }, 'kernelspecs'],
    [{ env: { LD_PRELOAD: 'x' } }, 'env.LD_PRELOAD'],
    [{ env: { KERNEL_UID: '0' } }, 'env.KERNEL_UID'],
    [{ id: 'mine' }, 'id'],
    [{ workingDirectory: 'x' }, 'workingDirectory'],
    [{ priorityClass: 'urgent' }, 'priorityClass'],
    [{ profile: 'huge' }, 'profile'],
  ])('refuses %j with 422 and the field', async (body, field) => {
    expect(await ana('POST', '/v1/kernels', body)).toMatchObject({ status: 422, body: { errors: [{ field }] } });
  });

  it('refuses an owner without a grant', async () => {
    expect(await bo('POST', '/v1/kernels', { owner: 'ana' })).toMatchObject({
      status: 403,
      body: { detail: 'You may not start kernels for ana; that needs an act-as grant.' },
    });
    expect(await hub('POST', '/v1/kernels', { owner: 'ana' })).toMatchObject({ status: 201, body: { owner: 'ana' } });
  });

  it('lists one’s own, and everybody’s to an admin who asks', async () => {
    const theirs = kernels.add({ owner: 'bo', actor: 'bo' });
    const ids = async (caller: Call, query = '') =>
      (await caller('GET', `/v1/kernels${query}`)).body.kernels.map(({ id }: { id: string }) => id);
    expect(await ids(ana)).not.toContain(theirs.id);
    expect(await ids(root, '?all=true')).toContain(theirs.id);
    expect(await ana('GET', '/v1/kernels?all=true')).toMatchObject({ status: 403 });
    expect(await ana('GET', '/v1/kernels?all=yes')).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'all' }] },
    });
  });

  it('shows how a kernel ended, and does what it is told', async () => {
    const agent = await FakeAgent.listen();
    const { id } = kernels.add({ owner: 'ana', phase: 'ready', endpoint: agent.endpoint });
    expect((await ana('POST', `/v1/kernels/${id}/interrupt`)).status).toBe(204);
    agent.close();
    expect(await ana('POST', `/v1/kernels/${id}/restart`)).toMatchObject({ status: 200, body: { id } });
    expect((await ana('DELETE', `/v1/kernels/${id}`)).status).toBe(204);
    expect((await ana('GET', `/v1/kernels/${id}`)).body).toMatchObject({
      phase: 'ended',
      endReason: 'shut-down',
      wait: null,
    });
  });
});

it('counts at /api/status what the caller may see', async () => {
  kernels.add({ owner: 'dora', actor: 'dora', phase: 'queued' });
  const url = await app.getUrl();
  const { body } = await (await client(url, 'dora'))('GET', '/api/status');
  expect(body).toEqual({
    started: expect.stringMatching(/Z$/),
    last_activity: expect.stringMatching(/Z$/),
    connections: 0,
    kernels: 1,
    queued: 1,
  });
  expect((await root('GET', '/api/status')).body.kernels).toBeGreaterThan(1);
});
