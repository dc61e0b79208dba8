import { mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Beamgate } from '../support/beamgate.js';
import { type Gateway, remove, temporaryFolder } from '../support/gateway.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { agentRecord, environmentOf } from '../support/processes.js';
import { post, type RawAnswer, raw } from '../support/raw-http.js';
import { expectNoInsides, expectProblem, expectRefusal, fieldsOf } from '../support/refusals.js';
import { as, createToken, endKernel, inPhase, listKernels } from '../support/v1.js';

/** Ways out of a folder, as they stand in a URL. */
const WAYS_OUT = [
  '..',
  '../..',
  '%2e%2e',
  '..%2f..%2f..%2fetc%2fpasswd',
  '..%5c..%5cetc%5cpasswd',
  '%252e%252e%252fetc%252fpasswd',
  '%2fetc%2fpasswd',
  'null%2f..%2fnull',
  'null%00',
  '%00',
  '%c0%ae%c0%ae%c0%af',
  '%',
  '%zz',
  '....%2f%2f',
  'null;..',
  '%0d%0aset-cookie:x',
];

describe('what a request may hold', () => {
  let specs: string;
  let homes: string;
  let beamgate: Beamgate;
  let ana: Gateway;

  beforeAll(async () => {
    specs = offerNullKernel();
    const folder = join(specs, 'kernels/null');
    writeFileSync(join(specs, 'outside.txt'), 'outside');
    symlinkSync('/etc/passwd', join(folder, 'logo-passwd.png'));
    symlinkSync(specs, join(folder, 'up'));
    symlinkSync('kernel.json', join(folder, 'logo-inside.json'));
    homes = temporaryFolder('homes');
    for (const user of ['ana/notebooks', 'bob']) mkdirSync(join(homes, user), { recursive: true });
    symlinkSync(join(homes, 'bob'), join(homes, 'ana/to-bob'));
    beamgate = await Beamgate.start({
      config: {
        kernels: {
          workingDirectories: [{ from: '/home/{user}', to: `${homes}/{user}` }],
          inheritedEnv: ['PATH', 'HOME'],
        },
      },
      env: { JUPYTER_PATH: specs, SERVICE_SECRET: 'not for kernels' },
      logName: 'security-requests',
    });
    ana = as(beamgate, (await createToken(beamgate, { user: 'ana' })).token);
  }, 60_000);
  afterAll(async () => {
    await beamgate.stop();
    remove(specs);
    remove(homes);
  }, 30_000);

  const expectNotFound = (answer: RawAnswer): void => {
    expect([400, 404]).toContain(answer.status);
    expect(answer.text).not.toMatch(/root:|outside$/);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expectNoInsides(answer);
  };

  it.each(WAYS_OUT)('a path leads nowhere by %s', async (way) => {
    expectNotFound(await raw(ana, `/api/kernelspecs/${way}`));
    expectNotFound(await raw(ana, `/kernelspecs/${way}/kernel.json`));
    expectNotFound(await raw(ana, `/kernelspecs/null/${way}`));
    expectNotFound(await raw(ana, `/kernelspecs/null/up/${way}`));
    expectNotFound(await raw(ana, `/api/kernelspecs?user=ana/${way}`));
    expectNotFound(await raw(ana, `/api/kernels/${way}`));
    expectNotFound(await raw(ana, `/v1/kernels/${way}`));
    expectNotFound(await raw(ana, `/api/sessions/${way}`));
  });

  it('a resource is a file in the folder of its kernelspec, also behind a link', async () => {
    for (const path of [
      'logo-passwd.png',
      'up/outside.txt',
      'up',
      '/etc/passwd',
      '',
      '.',
      './kernel.json',
      'none.png',
    ]) {
      expectNotFound(await raw(ana, `/kernelspecs/null/${path}`));
    }
    expect((await raw(ana, '/kernelspecs/null/logo-inside.json')).status).toBe(200);
    const file = await raw(ana, '/kernelspecs/null/kernel.json');
    expect(file.headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
    expect(file.headers['content-security-policy']).toMatch(/sandbox/);
  });

  it.each(['../null', '/etc', 'null/../null', 'null\0', '', '.', '..', 'no such', '__proto__', 'constructor'])(
    'a kernelspec is not named %j',
    async (name) => {
      const dialect = await post(ana, '/api/kernels', { name });
      const v1 = await post(ana, '/v1/kernels', { kernelspec: name });
      expectRefusal(dialect, name === '' ? 400 : 404, /./);
      expectProblem(v1, name === '' ? 422 : 404, /./);
    },
  );

  describe('variables', () => {
    it.each([
      ['a line feed', { KERNEL_NOTE: 'a\nLD_PRELOAD=/evil.so' }],
      ['a carriage return', { KERNEL_NOTE: 'a\rb' }],
      ['a NUL', { KERNEL_NOTE: 'a\0b' }],
      ['more than 4096 characters', { KERNEL_NOTE: 'x'.repeat(4097) }],
      ['a number', { KERNEL_NOTE: 1 }],
      ['an object', { KERNEL_NOTE: { a: 'b' } }],
      ['null', { KERNEL_NOTE: null }],
    ])('are refused by name for %s', async (_, env) => {
      for (const [answer, expectIt, status] of [
        [await post(ana, '/api/kernels', { name: 'null', env }), expectRefusal, 400],
        [await post(ana, '/v1/kernels', { kernelspec: 'null', env }), expectProblem, 422],
      ] as const) {
        expectIt(answer, status, /env\.KERNEL_NOTE/);
        expect(fieldsOf(answer)).toEqual(['env.KERNEL_NOTE']);
      }
    });

    it.each([[[]], ['text'], [7], [null]])('are refused when they are %j', async (env) => {
      expectProblem(await post(ana, '/v1/kernels', { kernelspec: 'null', env }), 422, /env/);
      expectRefusal(await post(ana, '/api/kernels', { name: 'null', env }), 400, /env/);
    });

    it.each(['KERNEL_A=B', 'KERNEL_A B', 'KERNEL_\0', 'KERNEL_A\n', 'KERNEL_Ä', ''])(
      'have no name like %j',
      async (name) => {
        const env = { [name]: 'x' };
        expectRefusal(await post(ana, '/api/kernels', { name: 'null', env }), 400, /./);
        expectProblem(await post(ana, '/v1/kernels', { kernelspec: 'null', env }), 422, /./);
      },
    );

    it.each([
      ['KERNEL_ID', 'no-uuid'],
      ['KERNEL_ID', '../../etc/passwd'],
      ['KERNEL_ID', '00000000-0000-0000-0000-000000000000'],
      ['KERNEL_WORKING_DIR', 'relative/../path'],
      ['KERNEL_USERNAME', '../bob'],
      ['KERNEL_USERNAME', '..'],
      ['KERNEL_LAUNCH_TIMEOUT', '-1'],
      ['KERNEL_LAUNCH_TIMEOUT', '1e9'],
      ['KERNEL_MEMORY', '-4Gi'],
      ['KERNEL_CPUS', 'NaN'],
      ['KERNEL_PRIORITY_CLASS', 'first'],
    ])('%s is not %j', async (name, value) => {
      const answer = await post(ana, '/api/kernels', { name: 'null', env: { [name]: value } });
      expectRefusal(answer, 400, new RegExp(`env\\.${name}`));
      expect(fieldsOf(answer)).toEqual([`env.${name}`]);
    });

    it('that steer programs never reach a kernel: left out in the dialect, refused on /v1', async () => {
      const wanted = {
        PATH: '/evil',
        LD_PRELOAD: '/evil.so',
        PYTHONSTARTUP: '/evil.py',
        HOME: '/evil',
        __proto__: 'x',
      };
      const made = await post(ana, '/api/kernels', {
        name: 'null',
        env: { ...wanted, KERNEL_NOTE: 'kept $HOME `id` $(id)', KERNEL_UID: '0', KERNEL_IMAGE: 'evil' },
      });
      expect(made.status).toBe(201);
      const id = String(made.body['id']);
      await inPhase(ana, id, 'ready');
      const environment = environmentOf(agentRecord(beamgate.data, id).kernelPid);
      expect(environment).toMatchObject({
        KERNEL_NOTE: 'kept $HOME `id` $(id)',
        KERNEL_USERNAME: 'ana',
        KERNEL_ID: id,
      });
      expect(environment['PATH']).toContain(process.env['PATH']);
      expect(environment['HOME']).toBe(process.env['HOME']);
      for (const name of ['LD_PRELOAD', 'PYTHONSTARTUP', 'KERNEL_UID', 'KERNEL_IMAGE', 'SERVICE_SECRET']) {
        expect(environment).not.toHaveProperty(name);
      }
      expect(Object.values(environment).join()).not.toMatch(/\/evil|eyJ/);
      await endKernel(ana, id);
      const refused = await post(ana, '/v1/kernels', {
        kernelspec: 'null',
        env: { LD_PRELOAD: '/evil.so', PATH: 'x' },
      });
      expectProblem(refused, 422, /may not be set by clients/);
      expect(fieldsOf(refused).sort()).toEqual(['env.LD_PRELOAD', 'env.PATH']);
    }, 30_000);
  });

  it.each([
    ['mapped', '/home/ana/notebooks', 'ana/notebooks'],
    ['another user', '/home/bob', undefined],
    ['out by dots', '/home/ana/../bob', undefined],
    ['out by a link', '/home/ana/to-bob', undefined],
    ['outside of every rule', '/etc', undefined],
    ['the data folder', 'DATA', undefined],
    ['not there', '/home/ana/none', undefined],
    ['no folder', '/home/ana/notebooks/none.txt', undefined],
  ])(
    'KERNEL_WORKING_DIR leads to where a rule maps it, else to the default folder: %s',
    async (_, asked, inside) => {
      const env = { KERNEL_WORKING_DIR: asked === 'DATA' ? join(beamgate.data, 'keys') : asked };
      const made = await post(ana, '/api/kernels', { name: 'null', env });
      expect(made.status).toBe(201);
      const id = String(made.body['id']);
      await inPhase(ana, id, 'ready');
      const folder = readlinkSync(`/proc/${agentRecord(beamgate.data, id).kernelPid}/cwd`);
      expect(folder).toBe(inside === undefined ? join(beamgate.data, 'work/ana') : join(homes, inside));
      await endKernel(ana, id);
    },
    30_000,
  );

  describe('bodies', () => {
    it('that are no JSON, of the wrong kind or too large are refused, with or without a type', async () => {
      for (const body of ['{', '{"name":', 'null,', '\0', '{"name":"null"}}', "{'name':'null'}"]) {
        for (const headers of [{ 'content-type': 'application/json' }, { 'content-type': 'text/plain' }, {}]) {
          expectRefusal(await raw(ana, '/api/kernels', { method: 'POST', body, headers }), 400, /not valid JSON/);
          expectProblem(await raw(ana, '/v1/kernels', { method: 'POST', body, headers }), 422, /not valid JSON/);
        }
      }
      for (const body of ['[]', '"text"', '7', 'true']) {
        expectRefusal(await raw(ana, '/api/kernels', { method: 'POST', body }), 400, /./);
        expectProblem(await raw(ana, '/v1/kernels', { method: 'POST', body }), 422, /./);
      }
      const huge = `{"name":"${'x'.repeat(2 * 1024 * 1024)}"}`;
      expectRefusal(await raw(ana, '/api/kernels', { method: 'POST', body: huge }), 413, /./);
      expectProblem(await raw(ana, '/v1/kernels', { method: 'POST', body: huge }), 413, /./);
      const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
      expectRefusal(await raw(ana, '/api/kernels', { method: 'POST', body: deep }), 400, /./);
      expectProblem(await raw(ana, '/v1/kernels', { method: 'POST', body: `{"env":${deep}}` }), 422, /./);
      const many = JSON.stringify({
        name: 'null',
        env: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`X${i}`, ''])),
      });
      // Variables that nobody may set are left out, however many.
      const started = await raw(ana, '/api/kernels', { method: 'POST', body: many });
      expect(started.status).toBe(201);
      await endKernel(ana, String(started.body['id']));
    }, 30_000);

    it('of callers that are not known are refused, also too large ones', async () => {
      const huge = `{"name":"${'x'.repeat(2 * 1024 * 1024)}"}`;
      for (const body of ['{', huge]) {
        expectProblem(await raw(ana, '/v1/kernels', { method: 'POST', body, token: null }), 401, /No token/);
      }
    });

    it('with members that /v1 does not know are refused by their names', async () => {
      const kernel = await post(ana, '/v1/kernels', { kernelspec: 'null', kernelSpec: 'null', uid: 0 });
      expectProblem(kernel, 422, /kernelSpec/);
      expect(fieldsOf(kernel).sort()).toEqual(['kernelSpec', 'uid']);
      const polluted = await raw(ana, '/v1/kernels', { method: 'POST', body: '{"__proto__":{"owner":"bob"}}' });
      expectProblem(polluted, 422, /__proto__/);
      const token = await post(ana, '/v1/tokens', { name: 'x' });
      expectProblem(token, 422, /name/);
      expect(fieldsOf(token)).toEqual(['name']);
    });

    it('name each field that is wrong', async () => {
      const answer = await post(ana, '/v1/kernels', {
        id: 'no-uuid',
        workingDirectory: 'relative',
        priorityClass: 'first',
        profile: 7,
      });
      expectProblem(answer, 422, /id/);
      expect(fieldsOf(answer).sort()).toEqual(['id', 'priorityClass', 'profile', 'workingDirectory']);
      const profile = await post(ana, '/v1/kernels', { kernelspec: 'null', profile: 'toString' });
      expectProblem(profile, 422, /profile/);
      expect(fieldsOf(profile)).toEqual(['profile']);
    });
  });

  it('paths and methods that nobody serves are refused in the dialect of their path', async () => {
    expectRefusal(await raw(ana, '/api/nothing'), 404, /./);
    expectRefusal(await raw(ana, '/nothing'), 404, /./);
    expectProblem(await raw(ana, '/v1/nothing'), 404, /./);
    expectRefusal(await raw(ana, '/api/kernels', { method: 'PUT' }), 404, /./);
    expectRefusal(await raw(ana, `/api/${'x'.repeat(10_000)}`), 404, /./);
    expectRefusal(await raw(ana, '/api/kernels/%ff'), 400, /not a valid url/);
    expectProblem(await raw(ana, '/v1/kernels/%ff'), 400, /not a valid url/);
    expectProblem(await raw(ana, `/v1/kernels/${'x'.repeat(10_000)}`), 414, /./);
  });

  it('none of this started a kernel', async () => {
    expect((await listKernels(ana)).filter(({ endReason, phase }) => phase !== 'stopping' && !endReason)).toEqual([]);
  });
});
