import { Beamgate } from '../support/beamgate.js';
import { remove } from '../support/gateway.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { NumberedClient } from '../support/numbered-client.js';
import { raw, upgrade } from '../support/raw-http.js';
import { expectProblem, expectRefusal } from '../support/refusals.js';
import { say } from '../support/say.js';
import { as, createKernel, createToken, endKernel, inPhase, v1 } from '../support/v1.js';

const WITHIN_MS = 2000;

describe('a token that is revoked while a socket is open', () => {
  let specs: string;
  let beamgate: Beamgate;

  beforeAll(async () => {
    specs = offerNullKernel();
    beamgate = await Beamgate.start({ env: { JUPYTER_PATH: specs }, logName: 'security-revocation' });
  }, 60_000);
  afterAll(async () => {
    await beamgate.stop();
    remove(specs);
  }, 30_000);

  it('closes its sockets within 2 s, is refused from then on, and touches no other token', async () => {
    const [revoked, other] = await Promise.all([1, 2].map(() => createToken(beamgate, { user: 'ana' })));
    if (!revoked || !other) throw new Error('two tokens were made');
    const ana = as(beamgate, revoked.token);
    const { id } = await createKernel(ana, { kernelspec: 'null' });
    await inPhase(ana, id, 'ready');
    const client = new NumberedClient(ana, id);
    const stays = new NumberedClient(as(beamgate, other.token), id);
    await Promise.all([client.connect(), stays.connect()]);
    await client.done(client.execute('anything'));

    const began = Date.now();
    await v1(beamgate, `/v1/tokens/${revoked.id}`, { method: 'DELETE' });
    await client.closed;
    say(`the socket closed ${Date.now() - began} ms after the revocation was asked`);
    expect(Date.now() - began).toBeLessThan(WITHIN_MS);
    expectRefusal(await raw(ana, '/api/kernels'), 401, /was revoked/);
    expectProblem(await raw(ana, '/v1/kernels'), 401, /was revoked/);
    expectRefusal(await upgrade(ana, `/api/kernels/${id}/channels`), 401, /was revoked/);
    expectProblem(await raw(ana, '/v1/tokens', { method: 'POST', body: '{}' }), 401, /was revoked/);

    expect((await stays.done(stays.execute('anything'))).content['status']).toBe('ok');
    await stays.close();
    // It stays revoked when the service has forgotten all that is not on disk.
    await beamgate.kill();
    await beamgate.startAgain();
    expectRefusal(await raw(ana, '/api/kernels'), 401, /was revoked/);
    await endKernel(beamgate, id);
  }, 60_000);
});
