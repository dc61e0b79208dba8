import { randomUUID } from 'node:crypto';
import { Beamgate } from '../support/beamgate.js';
import { type Gateway, remove } from '../support/gateway.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { agentRecord, environmentOf } from '../support/processes.js';
import { post, raw, upgrade } from '../support/raw-http.js';
import { expectProblem, expectRefusal } from '../support/refusals.js';
import { as, createKernel, createToken, endKernel, getKernel, inPhase, type KernelView } from '../support/v1.js';

describe('whose kernel it is', () => {
  let specs: string;
  let beamgate: Beamgate;
  let ana: Gateway;
  let bob: Gateway;
  let hub: Gateway;

  beforeAll(async () => {
    specs = offerNullKernel();
    beamgate = await Beamgate.start({
      config: { auth: { groups: { beamline: ['ana'] }, unauthorizedUsers: ['mallory'] } },
      env: { JUPYTER_PATH: specs },
      logName: 'security-ownership',
    });
    ana = as(beamgate, (await createToken(beamgate, { user: 'ana' })).token);
    bob = as(beamgate, (await createToken(beamgate, { user: 'bob' })).token);
    hub = as(beamgate, (await createToken(beamgate, { user: 'hub', actAs: ['beamline'] })).token);
  }, 60_000);
  afterAll(async () => {
    await beamgate.stop();
    remove(specs);
  }, 30_000);

  const start = async (gateway: Gateway, env: Record<string, string> = {}): Promise<KernelView> => {
    const made = await post(gateway, '/api/kernels', { name: 'null', env });
    expect(made).toMatchObject({ status: 201 });
    return getKernel(beamgate, String(made.body['id']));
  };

  it('another owner finds none of that id, on any path, and sees it in no list', async () => {
    const { id } = await createKernel(ana, { kernelspec: 'null' });
    await inPhase(ana, id, 'ready');
    const session = { path: 'secret.ipynb', type: 'notebook', kernel: { id } };
    const made = await post(ana, '/api/sessions', session);
    expect(made.status).toBe(201);
    const sessionId = String(made.body['id']);
    const none = /does not exist/;

    for (const [method, path] of [
      ['GET', `/api/kernels/${id}`],
      ['DELETE', `/api/kernels/${id}`],
      ['POST', `/api/kernels/${id}/interrupt`],
      ['POST', `/api/kernels/${id}/restart`],
      ['GET', `/api/sessions/${sessionId}`],
      ['DELETE', `/api/sessions/${sessionId}`],
    ] as const) {
      expectRefusal(await raw(bob, path, { method }), 404, none);
    }
    expectRefusal(
      await raw(bob, `/api/sessions/${sessionId}`, { method: 'PATCH', body: '{"name":"mine"}' }),
      404,
      none,
    );
    expectRefusal(await post(bob, '/api/sessions', { ...session, path: 'mine.ipynb' }), 404, none);
    for (const [method, path] of [
      ['GET', `/v1/kernels/${id}`],
      ['DELETE', `/v1/kernels/${id}`],
      ['POST', `/v1/kernels/${id}/interrupt`],
      ['POST', `/v1/kernels/${id}/restart`],
    ] as const) {
      expectProblem(await raw(bob, path, { method }), 404, none);
    }
    for (const path of [`/api/kernels/${id}/channels`, `/v1/kernels/${id}/channels?session_id=${randomUUID()}`]) {
      expectRefusal(await upgrade(bob, path), 404, none);
    }
    // Not told from an id that nobody has.
    const answer = async (about: string) => (await raw(bob, `/api/kernels/${about}`)).text.replaceAll(about, 'ID');
    const withoutRequestId = (text: string) => text.replace(/"request_id":"[^"]*"/, '');
    expect(withoutRequestId(await answer(id))).toBe(withoutRequestId(await answer(randomUUID())));

    expect((await raw(bob, '/api/kernels')).body).toEqual([]);
    expect((await raw(bob, '/v1/kernels')).body).toEqual({ kernels: [] });
    expect((await raw(bob, '/api/sessions')).body).toEqual([]);
    expectProblem(await raw(bob, '/v1/kernels?all=true'), 403, /for admins/);
    expect((await raw(bob, '/api/status')).body).toMatchObject({ kernels: 0, connections: 0 });
    expect(await getKernel(ana, id)).toMatchObject({ phase: 'ready' });
    await endKernel(ana, id);
  }, 30_000);

  it('KERNEL_USERNAME without a grant changes nothing: the owner is the user of the token', async () => {
    const spoofed = await start(bob, { KERNEL_USERNAME: 'ana' });
    expect(spoofed.owner).toBe('bob');
    await inPhase(bob, spoofed.id, 'ready');
    const { kernelPid } = agentRecord(beamgate.data, spoofed.id);
    expect(environmentOf(kernelPid)['KERNEL_USERNAME']).toBe('bob');
    expect((await raw(ana, `/api/kernels/${spoofed.id}`)).status).toBe(404);
    expectProblem(await post(bob, '/v1/kernels', { kernelspec: 'null', owner: 'ana' }), 403, /ana.*act-as grant/);
    await endKernel(bob, spoofed.id);
  }, 30_000);

  it('a service that may act for a group names its members, and nobody else', async () => {
    const granted = await start(hub, { KERNEL_USERNAME: 'ana' });
    expect(granted.owner).toBe('ana');
    expect((await raw(ana, `/api/kernels/${granted.id}`)).status).toBe(200);
    expect((await raw(hub, `/api/kernels/${granted.id}`)).status).toBe(200);
    expect((await raw(bob, `/api/kernels/${granted.id}`)).status).toBe(404);
    expectRefusal(
      await post(hub, '/api/kernels', { name: 'null', env: { KERNEL_USERNAME: 'bob' } }),
      403,
      /You may not start kernels for bob; that needs an act-as grant\./,
    );
    expect((await raw(bob, '/api/kernels')).body).toEqual([]);
    expectProblem(await post(hub, '/v1/kernels', { kernelspec: 'null', owner: 'bob' }), 403, /bob.*act-as grant/);
    for (const group of ['__proto__', 'constructor', 'toString']) {
      const sly = as(beamgate, (await createToken(beamgate, { user: 'sly', actAs: [group] })).token);
      expectProblem(await post(sly, '/v1/kernels', { kernelspec: 'null', owner: 'ana' }), 403, /act-as grant/);
    }
    await endKernel(beamgate, granted.id);
  }, 30_000);

  it('a user who may start none is refused by name, whoever asks', async () => {
    const mallory = as(beamgate, (await createToken(beamgate, { user: 'mallory' })).token);
    expectRefusal(await post(mallory, '/api/kernels', { name: 'null' }), 403, /mallory may not start kernels/);
    expectRefusal(
      await post(mallory, '/api/kernels', { name: 'null', env: { KERNEL_USERNAME: 'ana' } }),
      403,
      /mallory may not start kernels/,
    );
  });

  it('KERNEL_ID: an id of another owner is a conflict and hands nothing over; the own one is the same kernel', async () => {
    const { id } = await createKernel(ana, { kernelspec: 'null' });
    expectRefusal(await post(bob, '/api/kernels', { name: 'null', env: { KERNEL_ID: id } }), 409, /./);
    expectRefusal(await post(bob, '/api/kernels', { name: 'null', env: { KERNEL_ID: id.toUpperCase() } }), 409, /./);
    expectProblem(await post(bob, '/v1/kernels', { kernelspec: 'null', id }), 409, /./);
    expect((await raw(bob, `/api/kernels/${id}`)).status).toBe(404);
    expect((await post(ana, '/v1/kernels', { kernelspec: 'null', id })).body).toMatchObject({ id, owner: 'ana' });
    await endKernel(ana, id);
    expectProblem(await post(bob, '/v1/kernels', { kernelspec: 'null', id }), 409, /./);
  }, 30_000);

  it('classes that are for admins are refused to others', async () => {
    const body = { kernelspec: 'null', priorityClass: 'live' };
    expectProblem(await post(bob, '/v1/kernels', body), 403, /live is for admins/);
    const made = await post(beamgate, '/v1/kernels', body);
    expect(made.status).toBe(201);
    await endKernel(beamgate, String(made.body['id']));
  });
});
