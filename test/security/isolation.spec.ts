import { randomUUID } from 'node:crypto';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { type Gateway, remove } from '../support/gateway.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { agentRecord, environmentOf, eventually } from '../support/processes.js';
import { post } from '../support/raw-http.js';
import { as, createToken, endKernel, getKernel, inPhase } from '../support/v1.js';

const CAP = 2;

async function environmentInside(gateway: Gateway, kernelId: string): Promise<Record<string, string>> {
  const client = await ChannelClient.open(gateway, kernelId);
  const { text } = await client.execute('import json, os; print(json.dumps(dict(os.environ)))');
  await client.close();
  return JSON.parse(text) as Record<string, string>;
}

describe('starts that overlap', () => {
  let specs: string;
  let beamgate: Beamgate;

  beforeAll(async () => {
    specs = offerNullKernel();
    beamgate = await Beamgate.start({
      config: { auth: { unauthorizedUsers: ['mallory'] }, scheduling: { maxKernelsPerUser: CAP } },
      env: { JUPYTER_PATH: specs },
      logName: 'security-isolation',
    });
  }, 60_000);
  afterAll(async () => {
    await beamgate.stop();
    remove(specs);
  }, 30_000);

  const user = async (name: string): Promise<Gateway> =>
    as(beamgate, (await createToken(beamgate, { user: name })).token);
  const idOf = (answer: { body: Record<string, unknown> }): string => String(answer.body['id']);

  it('share nothing: the secret of the first is in no other, with or without an environment of its own', async () => {
    const [ana, bob, eve] = await Promise.all([user('ana'), user('bob'), user('eve')]);
    const secret = randomUUID();
    for (let round = 0; round < 3; round += 1) {
      const overlapping = [
        post(ana, '/api/kernels', { name: 'null', env: { KERNEL_SECRET: secret, KERNEL_CPUS_LIMIT: '1' } }),
        post(bob, '/api/kernels', { name: 'null', env: { KERNEL_NOTE: 'mine' } }),
        post(eve, '/api/kernels', { name: 'null' }),
      ];
      const started = await Promise.all(overlapping);
      started.push(await post(eve, '/api/kernels', {}));
      expect(started.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
      const ids = started.map(idOf);
      await Promise.all(ids.map((id) => inPhase(beamgate, id, 'ready')));
      const environments = ids.map((id) => environmentOf(agentRecord(beamgate.data, id).kernelPid));
      // The last one was forked from a template, and its own variables are seen from inside alone.
      environments[3] = await environmentInside(eve, ids[3] ?? '');
      expect(environments[0]).toMatchObject({ KERNEL_SECRET: secret, KERNEL_USERNAME: 'ana', KERNEL_ID: ids[0] });
      for (const environment of environments.slice(1)) expect(Object.values(environment)).not.toContain(secret);
      expect(environments[1]).toMatchObject({ KERNEL_NOTE: 'mine', KERNEL_USERNAME: 'bob', KERNEL_ID: ids[1] });
      for (const index of [2, 3]) {
        const { KERNEL_ID: id, KERNEL_USERNAME: owner, ...others } = environments[index] ?? {};
        expect({ id, owner }).toEqual({ id: ids[index], owner: 'eve' });
        expect(Object.keys(others).filter((name) => name.startsWith('KERNEL_'))).toEqual([]);
      }
      const limits = await Promise.all(ids.map(async (id) => (await getKernel(beamgate, id))['limits']));
      expect(limits.map((limit) => (limit as { cpuMilli: number | null }).cpuMilli)).toEqual([1000, null, null, null]);
      await Promise.all(ids.map((id) => endKernel(beamgate, id)));
    }
  }, 60_000);

  it('are judged each by its own caller: rights and caps do not leak', async () => {
    const [fay, gus, mallory] = await Promise.all([user('fay'), user('gus'), user('mallory')]);
    const callers = [fay, mallory, gus, fay, mallory, fay, gus, mallory];
    const answers = await Promise.all(
      callers.map((caller) => post(caller, '/v1/kernels', { kernelspec: 'null', env: { KERNEL_USERNAME: 'ana' } })),
    );
    for (const [index, caller] of callers.entries()) {
      expect(answers[index]?.status).toBe(caller === mallory ? 403 : 201);
      if (caller === fay) expect(answers[index]?.body['owner']).toBe('fay');
      if (caller === gus) expect(answers[index]?.body['owner']).toBe('gus');
    }
    const phases = async (owner: Gateway) =>
      (
        await Promise.all(
          callers.flatMap((caller, index) =>
            caller === owner && answers[index] ? [getKernel(beamgate, idOf(answers[index]))] : [],
          ),
        )
      ).map(({ phase }) => phase);
    await eventually('those within the cap run', async () => {
      const ready = [...(await phases(fay)), ...(await phases(gus))].filter((phase) => phase === 'ready');
      return ready.length === 2 * CAP || undefined;
    });
    expect((await phases(fay)).sort()).toEqual(['queued', 'ready', 'ready']);
    expect(await phases(gus)).toEqual(['ready', 'ready']);
    const waiting = await Promise.all(
      answers.filter(({ status }) => status === 201).map((one) => getKernel(beamgate, idOf(one))),
    );
    expect(waiting.find(({ phase }) => phase === 'queued')?.wait).toMatchObject({ reason: 'user-cap' });
    await Promise.all(waiting.map(({ id }) => endKernel(beamgate, id)));
  }, 60_000);
});
