import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, newKernelId } from '../conformance/host/host-under-test.js';
import { Cluster } from './cluster.js';
import { HostOfPods, NAMESPACE, policy } from './host-of-pods.js';
import { makeClaim } from './volume.js';

/** Of a project. */
const OWN = 'tomo';
const GROUP = 3000;
const WHO = "import os; print(os.getuid(), os.getgid(), sorted(os.getgroups()), end=' ')";
const folder = mkdtempSync('/tmp/bg-identity-');

let cluster: Cluster;
let pods: HostOfPods;
beforeAll(async () => {
  cluster = await Cluster.start();
  for (const namespace of [NAMESPACE, OWN]) await cluster.makeNamespace(namespace);
  await cluster.allowBroker(NAMESPACE, OWN);
  pods = new HostOfPods(cluster);
  mkdirSync(join(folder, 'scan'));
  writeFileSync(join(folder, 'scan/raw'), 'raw data');
  chownSync(join(folder, 'scan'), 0, GROUP);
  chmodSync(join(folder, 'scan'), 0o770);
  await makeClaim(cluster, OWN, 'data', folder);
}, 1_200_000);
afterAll(async () => {
  await cluster?.end();
  rmSync(folder, { recursive: true });
}, 60_000);
afterEach(() => pods.end());

describe('of a project', () => {
  const volume = { name: 'data', claim: 'data', mountPath: '/data', subPath: 'scan' };
  const projects = {
    [OWN]: { namespace: OWN, uid: 2001, gid: 2000, groups: [GROUP], volumes: [volume] },
    xas: { uid: 2002, gid: 2000 },
  };
  const use = () => pods.use(policy({ projects }));

  it('its user, its groups and its volumes are those of its kernels, in its namespace', async () => {
    await use();
    const { kernelId, endpoint } = await pods.launched({}, { project: OWN });
    const code = `${WHO}; print(open('/data/raw').read(), file=open('/data/made', 'w')); print(os.listdir('/data'))`;
    const text = "2001 2000 [2000, 3000] ['raw', 'made']\n";
    const { text: printed } = await execute(endpoint, code);
    expect(printed.replace("['made', 'raw']", "['raw', 'made']")).toBe(text);
    expect(readFileSync(join(folder, 'scan/made'), 'utf8')).toBe('raw data\n');
    expect(statSync(join(folder, 'scan/made')).uid).toBe(2001);
    expect(await pods.names(OWN)).toEqual([`kernel-${kernelId}`, `kernel-${kernelId}`]);
    expect(await pods.names()).toEqual([]);
  });

  it('it runs beside those of other projects and of none', async () => {
    await use();
    const [xas, none] = await Promise.all([pods.launched({}, { project: 'xas' }), pods.launched()]);
    await expect(execute(xas.endpoint, WHO)).resolves.toMatchObject({ text: '2002 2000 [2000] ' });
    await expect(execute(none.endpoint, WHO)).resolves.toMatchObject({ text: '10002 10002 [10002] ' });
    expect(await pods.names()).toHaveLength(4);
  });

  it('it is adopted there, and what nobody wants goes from there', async () => {
    await use();
    const kept = await pods.launched({}, { project: OWN });
    const orphan = await pods.launched({}, { project: OWN });
    await execute(kept.endpoint, 'x = 41');
    await pods.host.close();
    await use();
    const gone = newKernelId();
    const lost = pods.facts.next(gone, 'exited');
    await pods.host.reconcile([kept.kernelId, gone]);
    await lost;
    await pods.facts.until(kept.kernelId, 'ready');
    await expect(execute(kept.endpoint, 'print(x + 1)')).resolves.toEqual({ text: '42\n', status: 'ok' });
    expect(await pods.names(OWN)).not.toContain(`kernel-${orphan.kernelId}`);
    const exited = pods.facts.next(kept.kernelId, 'exited');
    await pods.host.stop(kept.kernelId, 2000);
    await exited;
    await pods.host.reconcile([]);
    expect(await pods.names(OWN)).toEqual([]);
  });
});

it('of a volume that is read-only keeps it as it is', async () => {
  await makeClaim(cluster, NAMESPACE, 'data', folder);
  const volumes = [{ name: 'data', claim: 'data', mountPath: '/data', subPath: 'scan', readOnly: true }];
  await pods.use(policy({ groups: [GROUP], volumes }));
  const { endpoint } = await pods.launched();
  const code = "open('/data/new', 'w')";
  await expect(execute(endpoint, code)).resolves.toMatchObject({
    text: expect.stringMatching(/Read-only file system/),
  });
});

it('of a person is hers, and whoever has none is told so', async () => {
  await pods.use(policy({ identity: 'person', persons: { ada: { uid: 501, gid: 500, groups: [GROUP] } } }));
  const { endpoint } = await pods.launched();
  await expect(execute(endpoint, WHO)).resolves.toMatchObject({ text: '501 500 [500, 3000] ' });
  const refused = await pods.start({}, { owner: 'bob' });
  expect(pods.facts.of(refused)).toEqual([
    {
      ...{ kind: 'launch-failed', kernelId: refused },
      detail: 'There is no user id for bob: an administrator sets it in compute.persons.',
    },
  ]);
  expect(await pods.names()).not.toContain(`kernel-${refused}`);
});
