import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { decodeJwt, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose';
import { OidcServer } from '#libs/testing';
import { Beamgate } from '../support/beamgate.js';
import { remove } from '../support/gateway.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { agentRecord, environmentOf, eventually } from '../support/processes.js';
import { type RawRequest, raw, upgrade } from '../support/raw-http.js';
import { expectProblem, expectRefusal } from '../support/refusals.js';
import { createKernel, createToken, endKernel, getKernel, inPhase } from '../support/v1.js';

const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = (): number => Math.floor(Date.now() / 1000);

describe('a token', () => {
  let specs: string;
  let oidc: OidcServer;
  let beamgate: Beamgate;
  let kernelId: string;
  let good: string;
  let issuerKey: JWK;

  beforeAll(async () => {
    jest.spyOn(console, 'warn').mockImplementation(() => {});
    jest.spyOn(console, 'info').mockImplementation(() => {});
    specs = offerNullKernel();
    oidc = await OidcServer.start({ groups: ['staff'] });
    beamgate = await Beamgate.start({
      config: {
        auth: { issuers: [{ issuer: oidc.url, actAs: { pipeline: ['beamline'] } }], groups: { beamline: ['ana'] } },
      },
      env: { JUPYTER_PATH: specs },
      logName: 'security-tokens',
    });
    kernelId = (await createKernel(beamgate, { kernelspec: 'null' })).id;
    good = (await createToken(beamgate, { user: 'ana' })).token;
    issuerKey = JSON.parse(readFileSync(join(beamgate.data, 'keys/issuer.json'), 'utf8')) as JWK;
  }, 60_000);
  afterAll(async () => {
    await beamgate.stop();
    oidc.stop();
    remove(specs);
    jest.restoreAllMocks();
  }, 30_000);

  /** Refused alike by both dialects and by the upgrade. */
  const expectRefused = async (asked: RawRequest, message: RegExp): Promise<void> => {
    const dialect = await raw(beamgate, '/api/kernels', asked);
    expectRefusal(dialect, 401, message);
    expect(dialect.headers['www-authenticate']).toMatch(/^Bearer/);
    expectProblem(await raw(beamgate, '/v1/kernels', asked), 401, message);
    expectRefusal(await upgrade(beamgate, `/api/kernels/${kernelId}/channels`, asked), 401, message);
  };

  /** A token signed by the built-in issuer's own key; `claims` and `header` go over those of a good token. */
  const ours = async (claims: JWTPayload, header: object = {}): Promise<string> =>
    new SignJWT({ ...decodeJwt(good), ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: issuerKey.kid ?? '', ...header })
      .sign(await importJWK(issuerKey, 'ES256'));

  it('is accepted when it is good: each form of sending it', async () => {
    const basic = `Basic ${Buffer.from(`ana:${good}`).toString('base64')}`;
    for (const authorization of [`Bearer ${good}`, `token ${good}`, basic]) {
      expect((await raw(beamgate, '/api/kernels', { token: null, headers: { authorization } })).status).toBe(200);
    }
    expect((await raw(beamgate, `/api/kernels?token=${good}`, { token: null })).status).toBe(200);
  });

  it('is needed: by everything but probes and documents', async () => {
    const none = { token: null };
    await expectRefused(none, /No token/);
    await expectRefused({ token: '' }, /No token/);
    const id = randomUUID();
    const paths: [string, string][] = [
      ['GET', '/api'],
      ['GET', '/api/status'],
      ['GET', '/api/kernelspecs'],
      ['GET', '/api/kernelspecs/null'],
      ['GET', '/kernelspecs/null/null_kernel.py'],
      ['POST', '/api/kernels'],
      ['GET', `/api/kernels/${id}`],
      ['DELETE', `/api/kernels/${id}`],
      ['POST', `/api/kernels/${id}/interrupt`],
      ['POST', `/api/kernels/${id}/restart`],
      ['GET', '/api/sessions'],
      ['POST', '/api/sessions'],
      ['GET', '/v1/kernelspecs'],
      ['POST', '/v1/kernels'],
      ['POST', '/v1/tokens'],
      ['GET', '/v1/tokens'],
      ['DELETE', `/v1/tokens/${id}`],
    ];
    for (const [method, path] of paths) {
      expect({ path, status: (await raw(beamgate, path, { method, ...none })).status }).toEqual({ path, status: 401 });
    }
    for (const path of ['/healthz', '/readyz', '/metrics', '/api/swagger.json', '/v1/openapi.json']) {
      expect({ path, status: (await raw(beamgate, path, none)).status }).toEqual({ path, status: 200 });
    }
  });

  it.each([
    ['is no JWT', 'nonsense'],
    ['has empty parts', '..'],
    ['has a broken header', `${'x'.repeat(20)}.e30.e30`],
    ['is a JSON array', `${base64([1])}.${base64([2])}.x`],
    ['is far too long', 'a.'.repeat(3000)],
  ])('is refused when it %s', async (_, token) => {
    await expectRefused({ token }, /malformed|wrong issuer/);
  });

  it('is refused when the header has another scheme', async () => {
    await expectRefused({ token: null, headers: { authorization: 'Digest username="ana"' } }, /malformed/);
  });

  it('is refused from a wrong issuer', async () => {
    await expectRefused({ token: await ours({ iss: 'https://elsewhere.example' }) }, /wrong issuer/);
    // A trusted name on a token that another trusted key signed.
    await expectRefused({ token: await ours({ iss: oidc.url }) }, /key|signature|algorithm/);
    await expectRefused({ token: await oidc.forge({ iss: 'beamgate' }) }, /signature|algorithm|malformed/);
  });

  it('is refused for a wrong audience', async () => {
    await expectRefused({ token: await ours({ aud: 'other' }) }, /wrong audience/);
    await expectRefused({ token: await oidc.fetchToken('other') }, /wrong audience/);
  });

  it('is refused when it has expired, or is not yet valid', async () => {
    await expectRefused({ token: await ours({ exp: now() - 120 }) }, /expired at 20/);
    await expectRefused({ token: await ours({ nbf: now() + 3600 }) }, /not valid before 20/);
    await expectRefused({ token: await oidc.forge({ exp: now() - 120 }) }, /expired at 20/);
  });

  it('is refused unsigned, or signed by what is no key pair of its issuer', async () => {
    const claims = base64(decodeJwt(good));
    for (const alg of ['none', 'None', 'NONE']) {
      await expectRefused({ token: `${base64({ alg })}.${claims}.` }, /not accepted|malformed|signature/);
    }
    const { d: _secret, ...publicPart } = issuerKey;
    const pem = createPublicKey({ key: publicPart as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    for (const secret of [pem.toString(), JSON.stringify(publicPart)]) {
      const token = await new SignJWT(decodeJwt(good))
        .setProtectedHeader({ alg: 'HS256', ...(issuerKey.kid ? { kid: issuerKey.kid } : {}) })
        .sign(Buffer.from(secret));
      await expectRefused({ token }, /algorithm that is not accepted/);
    }
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const foreign = await new SignJWT(decodeJwt(good))
      .setProtectedHeader({ alg: 'ES256', jwk: publicKey.export({ format: 'jwk' }) as never })
      .sign(privateKey);
    await expectRefused({ token: foreign }, /signature/);
  });

  it('is refused when one letter of it was changed', async () => {
    const [head, , signature] = good.split('.');
    const admin = base64({ ...decodeJwt(good), sub: 'root', scope: 'admin' });
    await expectRefused({ token: `${head}.${admin}.${signature}` }, /signature/);
  });

  it('is refused when it names an unknown key', async () => {
    await expectRefused(
      { token: await oidc.forge({}, { kid: 'unknown' }) },
      /a key that its issuer .* does not publish/,
    );
  });

  it('is refused when it was never recorded, though the issuer key signed it', async () => {
    await expectRefused({ token: await ours({ jti: randomUUID() }) }, /not one that this service recorded/);
    await expectRefused({ token: await ours({ jti: "' or 1=1 --" }) }, /not one that this service recorded/);
  });

  it('takes user and scopes from its record, whatever it says itself', async () => {
    const token = await ours({ sub: 'root', scope: 'kernels admin' });
    expect((await raw(beamgate, '/v1/kernels?all=true', { token })).status).toBe(403);
    expect((await raw(beamgate, `/v1/kernels/${kernelId}`, { token })).status).toBe(404);
  });

  it('of a real OIDC provider is accepted and mapped to its user and grants', async () => {
    const token = await oidc.fetchToken();
    const as = { url: beamgate.url, token };
    const made = await raw(as, '/v1/kernels', { method: 'POST', body: '{"kernelspec":"null"}' });
    expect(made).toMatchObject({ status: 201, body: { owner: 'pipeline' } });
    expect((await raw(as, '/v1/kernels?all=true')).status).toBe(403);
    expect((await raw(as, '/api/kernels')).body).toHaveLength(1);
    expect((await upgrade(as, `/api/kernels/${String(made.body['id'])}/channels`)).status).toBe(101);
    await endKernel(beamgate, String(made.body['id']));
  });

  it('of a service, by its client credentials, starts kernels of the users that it may act for, and of nobody else', async () => {
    const service = { url: beamgate.url, token: await oidc.fetchToken() };
    const start = (user: string) =>
      raw(service, '/api/kernels', {
        method: 'POST',
        body: JSON.stringify({ name: 'null', env: { KERNEL_USERNAME: user } }),
      });
    const made = await start('ana');
    expect(made.status).toBe(201);
    const id = String(made.body['id']);
    const { kernelPid } = await inPhase(beamgate, id, 'ready').then(() => agentRecord(beamgate.data, id));
    expect(environmentOf(kernelPid)['KERNEL_USERNAME']).toBe('ana');
    expect(await getKernel(beamgate, id)).toMatchObject({ owner: 'ana' });
    const ana = { url: beamgate.url, token: good };
    expect((await raw(ana, '/v1/kernels')).body['kernels']).toMatchObject([{ id, owner: 'ana' }]);
    const listed = (await raw(service, '/v1/kernels')).body['kernels'] as { id: string; owner: string }[];
    expect(listed.find((one) => one.id === id)?.owner).toBe('ana');
    expect((await upgrade(ana, `/api/kernels/${id}/channels`)).status).toBe(101);

    const message = /You may not start kernels for bob; that needs an act-as grant\./;
    expectRefusal(await start('bob'), 403, message);
    const body = '{"kernelspec":"null","owner":"bob"}';
    expectProblem(await raw(service, '/v1/kernels', { method: 'POST', body }), 403, message);
    const bob = { url: beamgate.url, token: (await createToken(beamgate, { user: 'bob' })).token };
    expect((await raw(bob, '/api/kernels')).body).toEqual([]);
    expect((await raw(bob, `/api/kernels/${id}`)).status).toBe(404);
    // The grant is of that service, not of its provider.
    const other = { url: beamgate.url, token: await oidc.forge({ sub: 'dashboard' }) };
    const env = { KERNEL_USERNAME: 'ana' };
    const own = await raw(other, '/api/kernels', { method: 'POST', body: JSON.stringify({ name: 'null', env }) });
    expect((await getKernel(beamgate, String(own.body['id']))).owner).toBe('dashboard');
    for (const one of [id, String(own.body['id'])]) await endKernel(beamgate, one);
  });

  it('of a real OIDC provider may be off by the skew that is allowed, and no more', async () => {
    const status = async (claims: JWTPayload): Promise<number> =>
      (await raw(beamgate, '/api/kernels', { token: await oidc.forge(claims) })).status;
    expect(await status({ exp: now() - 10 })).toBe(200);
    expect(await status({ nbf: now() + 10, exp: now() + 600 })).toBe(200);
    await expectRefused({ token: await oidc.forge({ exp: now() - 60 }) }, /expired at 20/);
    await expectRefused({ token: await oidc.forge({ nbf: now() + 60, exp: now() + 600 }) }, /not valid before 20/);
  });

  it('of a key that its provider published since is accepted, and of one that it withdrew is not', async () => {
    const old = await oidc.fetchToken();
    expect((await raw(beamgate, '/api/kernels', { token: old })).status).toBe(200);
    await oidc.rotate('second');
    const fresh = await oidc.fetchToken();
    // Keys are read again at most every 30 s, so that nobody makes us ask the provider at will.
    await eventually(
      'the new key is known',
      async () => {
        if ((await raw(beamgate, '/api/kernels', { token: fresh })).status === 200) return true;
        // Who is refused too often is answered 429.
        await delay(500);
        return undefined;
      },
      45,
    );
    await expectRefused({ token: old }, /a key that its issuer .* does not publish/);
  });

  it('of a user without the admin scope makes no token for others, nor one with more rights', async () => {
    const as = { url: beamgate.url, token: good };
    const wishes: [object, RegExp][] = [
      [{ user: 'bob' }, /for others are for admins/],
      [{ scopes: ['admin'] }, /scope admin/],
      [{ groups: ['staff'] }, /group staff/],
      [{ actAs: ['*'] }, /act-as for \*/],
    ];
    for (const [wish, message] of wishes) {
      expectProblem(await raw(as, '/v1/tokens', { method: 'POST', body: JSON.stringify(wish) }), 403, message);
    }
    const listed = await raw(as, '/v1/tokens');
    expect((listed.body['tokens'] as { user: string }[]).every(({ user }) => user === 'ana')).toBe(true);
    expect(listed.text).not.toMatch(/eyJ/);
  });
});
