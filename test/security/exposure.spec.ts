import { readdirSync, readFileSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Beamgate } from '../support/beamgate.js';
import { Child } from '../support/child.js';
import { cleanEnvironment, remove, resultsFolder, temporaryFolder } from '../support/gateway.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { NumberedClient } from '../support/numbered-client.js';
import { root } from '../support/parts.js';
import { post, raw, upgrade } from '../support/raw-http.js';
import { expectRefusal } from '../support/refusals.js';
import { as, createKernel, createToken, endKernel, inPhase } from '../support/v1.js';

/** Every file below a folder, sockets apart. */
const filesBelow = (folder: string): string[] =>
  (readdirSync(folder, { recursive: true }) as string[])
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());

describe('what gets out', () => {
  let specs: string;
  beforeAll(() => {
    specs = offerNullKernel();
  });
  afterAll(() => remove(specs));

  it('a token, however it was sent, is in no log and no file; and what is secret is its owner’s alone', async () => {
    const beamgate = await Beamgate.start({
      config: { log: { level: 'trace' } },
      env: { JUPYTER_PATH: specs },
      logName: 'security-exposure',
    });
    try {
      const { token, id: tokenId } = await createToken(beamgate, { user: 'ana' });
      const ana = as(beamgate, token);
      const { id } = await createKernel(ana, { kernelspec: 'null' });
      await inPhase(ana, id, 'ready');
      const query = `?token=${token}`;
      const bare = { token: null };
      await raw(ana, `/api/kernels${query}`, bare);
      await raw(ana, `/api/kernels/none${query}`, bare);
      await raw(ana, `/v1/nothing${query}&other=1`, bare);
      await raw(ana, `/v1/kernels${query}&all=nonsense`, bare);
      await raw(ana, `/api/kernels${query}`, { ...bare, method: 'POST', body: '{' });
      await raw(ana, `/api/kernels?Token=${token}`, bare);
      await raw(ana, '/api/kernels', { ...bare, headers: { authorization: `Strange ${token}` } });
      await raw(ana, '/api/kernels', { ...bare, headers: { authorization: `Basic ${btoa(`ana:${token}`)}` } });
      expect((await upgrade(ana, `/api/kernels/${id}/channels${query}`, bare)).status).toBe(101);
      await upgrade(ana, `/api/kernels/${tokenId}/channels${query}`, bare);
      const client = new NumberedClient(ana, id);
      await client.connect();
      await client.done(client.execute('anything'));
      await client.close();

      const signature = token.split('.')[2] ?? token;
      const basic = btoa(`ana:${token}`);
      for (const file of filesBelow(beamgate.data)) {
        const text = readFileSync(file, 'latin1');
        expect({ file, found: text.includes(signature) || text.includes(basic) }).toEqual({ file, found: false });
      }
      expect(beamgate.process.output).not.toContain(signature);
      expect(readFileSync(join(beamgate.data, 'logs/beamgate.log'), 'utf8')).toMatch(/answered/);
      for (const file of filesBelow(beamgate.data).filter((path) => !path.endsWith('test-config.json'))) {
        const within = file.slice(beamgate.data.length + 1).split('/')[0];
        const open = statSync(file).mode & 0o077;
        const folder = statSync(join(beamgate.data, within ?? '')).mode & 0o077;
        expect({ file, open: Math.min(open, folder, statSync(beamgate.data).mode & 0o077) }).toEqual({ file, open: 0 });
      }
      const keys = statSync(join(beamgate.data, 'keys/issuer.json'));
      expect(keys.mode & 0o077).toBe(0);
      expect(statSync(join(beamgate.data, 'service.json')).mode & 0o077).toBe(0);
      await endKernel(ana, id);
    } finally {
      await beamgate.stop();
    }
  }, 60_000);

  it.each(['0.0.0.0', '::', ...addresses().slice(0, 1)])(
    '--auth none is refused on %s, in a sentence',
    async (host) => {
      const data = temporaryFolder('data');
      const flags = ['--port', '0', '--data', data, '--auth', 'none', '--host', host];
      const service = new Child('an open service', '/bin/sh', [join(root, 'scripts/service.sh'), ...flags], {
        cwd: root,
        env: cleanEnvironment(),
        logFile: join(resultsFolder('logs'), 'security-open.log'),
      });
      const refused = await Promise.race([service.ended, service.prints(/is ready at/).then(() => 'ready')]).catch(
        () => service.ended,
      );
      if (refused === 'ready') await service.end('SIGTERM');
      expect(refused).not.toBe('ready');
      expect(refused).not.toBe(0);
      expect(service.output).toMatch(/loopback/);
      expect(service.output).not.toMatch(/^\s+at /m);
      remove(data);
    },
    30_000,
  );

  it('--auth none trusts programs of this machine, but no page of another site in a browser here', async () => {
    const beamgate = await Beamgate.start({
      flags: ['--auth', 'none'],
      env: { JUPYTER_PATH: specs },
      logName: 'security-none',
    });
    try {
      await beamgate.process.prints(/WARNING .*everybody who reaches this address/);
      const anyone = { url: beamgate.url, token: '' };
      const made = await post(anyone, '/api/kernels', { name: 'null' }, { token: null });
      expect(made.status).toBe(201);
      const id = String(made.body['id']);
      const channels = `/api/kernels/${id}/channels`;
      expect((await upgrade(anyone, channels, { token: null })).status).toBe(101);
      const { host } = new URL(beamgate.url);
      for (const headers of [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { host: 'evil.example' },
        { host: 'evil.example', origin: 'http://evil.example' },
      ]) {
        expectRefusal(await raw(anyone, '/api/kernels', { token: null, headers }), 403, /origin|host/i);
        expectRefusal(
          await post(anyone, '/api/kernels', { name: 'null' }, { token: null, headers }),
          403,
          /origin|host/i,
        );
        expectRefusal(await upgrade(anyone, channels, { token: null, headers }), 403, /origin|host/i);
      }
      const own = { origin: `http://${host}` };
      expect((await raw(anyone, '/api/kernels', { token: null, headers: own })).status).toBe(200);
      expect((await upgrade(anyone, channels, { token: null, headers: own })).status).toBe(101);
      await endKernel(beamgate, id);
    } finally {
      await beamgate.stop();
    }
  }, 60_000);
});

/** Addresses of this machine that others may reach. */
function addresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
}
