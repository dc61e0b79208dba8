import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppsV1Api, AuthorizationV1Api, type V1Deployment, type V1DeploymentStatus } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { configReference } from '#libs/platform';
import { ChannelClient } from '../support/channel-client.js';
import type { Gateway } from '../support/gateway.js';
import { root } from '../support/parts.js';
import { PostgresServer } from '../support/postgres-server.js';
import { RabbitServer } from '../support/rabbit-server.js';
import { ServiceProcess } from '../support/service-process.js';
import { createKernel, endKernel, inPhase } from '../support/v1.js';
import { Cluster, IMAGES } from './cluster.js';

const CHART = join(root, 'k8s/chart');
const NAMESPACE = 'beamgate';
const KERNELS = 'beamgate-kernels';
const folder = mkdtempSync(join(tmpdir(), 'bg-chart-'));
const CONFIG = {
  store: { url: 'postgresql://beamgate@postgres.example/beamgate' },
  bus: { url: 'amqps://beamgate@rabbitmq.example/' },
};

const OWN_NAMESPACE = { compute: { projects: { tomo: { namespace: 'tomo', uid: 2001, gid: 2000 } } } };

/** The one small node has to hold them all, and a kernel. */
const SMALL = Object.fromEntries(
  ['gateway', 'gatekeeper', 'launcher'].map((name) => [
    name,
    { resources: { requests: { cpu: '1m', memory: '1Mi' } } },
  ]),
);

interface Rendered {
  kind: string;
  metadata: { name: string; namespace?: string };
  [more: string]: unknown;
}

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
}, 1_200_000);
afterAll(() => cluster?.end(), 60_000);

const valuesFile = (values: object): string => {
  const file = join(folder, 'values.json');
  writeFileSync(file, JSON.stringify(values));
  return file;
};
const rendered = (values: object): Rendered[] => {
  const text = cluster.helm('template', 'bg', CHART, '--namespace', NAMESPACE, '--values', valuesFile(values));
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as Rendered | null) ?? []);
};
const install = (values: object): string =>
  cluster.helm(
    ...['upgrade', '--install', 'bg', CHART, '--namespace', NAMESPACE, '--create-namespace'],
    ...['--values', valuesFile({ ...SMALL, ...values })],
  );
const secret = (name: string) => cluster.core.readNamespacedSecret({ name, namespace: NAMESPACE });

const failureOf = (status: V1DeploymentStatus | undefined): string | undefined =>
  status?.conditions?.find(({ type }) => type === 'ReplicaFailure')?.message;

describe('the chart', () => {
  it('has no fault that Helm knows of', () => {
    expect(cluster.helm('lint', CHART, '--strict', '--values', valuesFile({ config: CONFIG }))).toContain(
      '0 chart(s) failed',
    );
  });

  it.each([
    ['a setting that there is not', { config: { ...CONFIG, sheduling: {} } }, /sheduling/],
    [
      'a setting of the wrong kind',
      { config: { ...CONFIG, kernels: { launchTimeoutSeconds: 'long' } } },
      /launchTimeoutSeconds/,
    ],
    ['a value that there is not', { config: CONFIG, gateways: 3 }, /gateways/],
    ['no database', { config: { bus: CONFIG.bus } }, /config\.store\.url and config\.bus\.url are needed/],
  ])('refuses %s, by name', (_, values, message) => {
    expect(() => rendered(values)).toThrow(message);
  });

  it('makes what is asked for, and no more', () => {
    const kinds = (values: object): string[] => rendered({ config: CONFIG, ...values }).map(({ kind }) => kind);
    const all = kinds({
      serviceMonitor: true,
      gateway: { autoscaling: { enabled: true } },
      kernels: { quota: { pods: '9' } },
    });
    for (const kind of [
      'HorizontalPodAutoscaler',
      'PodDisruptionBudget',
      'NetworkPolicy',
      'ServiceMonitor',
      'ResourceQuota',
    ])
      expect(all).toContain(kind);
    const least = kinds({ networkPolicies: false, kernels: { createNamespace: false } });
    for (const kind of ['HorizontalPodAutoscaler', 'NetworkPolicy', 'ServiceMonitor', 'ResourceQuota', 'Namespace'])
      expect(least).not.toContain(kind);
  });

  it('gives every service the certificates for RabbitMQ and PostgreSQL, as settings that there are', () => {
    const services = rendered({ config: CONFIG, bus: { tlsSecret: 'for-bus' }, store: { tlsSecret: 'for-store' } });
    const settings = new Set(configReference().match(/BEAMGATE_\w+/g));
    const pods = (services as unknown as V1Deployment[]).filter(({ kind }) => kind === 'Deployment');
    expect(pods).toHaveLength(3);
    for (const { spec } of pods) {
      const { containers, volumes } = spec?.template.spec ?? { containers: [] };
      const variables = Object.fromEntries(containers[0]?.env?.map(({ name, value }) => [name, value]) ?? []);
      for (const name of Object.keys(variables)) expect(settings).toContain(name);
      for (const part of ['bus', 'store']) {
        expect(volumes).toContainEqual({ name: `${part}-tls`, secret: { secretName: `for-${part}` } });
        const folder = `/etc/beamgate-tls/${part}`;
        expect(containers[0]?.volumeMounts).toContainEqual({
          name: `${part}-tls`,
          mountPath: folder,
          readOnly: true,
        });
        const of = (key: string): unknown => variables[`BEAMGATE_${part.toUpperCase()}_TLS_${key}`];
        expect([of('CA'), of('CERTIFICATE'), of('KEY')]).toEqual(
          ['ca.crt', 'tls.crt', 'tls.key'].map((file) => `${folder}/${file}`),
        );
      }
    }
    expect(JSON.stringify(rendered({ config: CONFIG }))).not.toContain('beamgate-tls');
  });

  it('is taken by the API server as it is, checked strictly', async () => {
    await cluster.makeNamespace('checked');
    const text = rendered({
      config: CONFIG,
      gateway: { autoscaling: { enabled: true } },
      kernels: { quota: { pods: '9' } },
    })
      .map((object) => JSON.stringify(object))
      .join('\n---\n');
    const file = join(folder, 'rendered.yaml');
    // What the chart puts into a namespace that it makes can't be tried before that is there.
    writeFileSync(
      file,
      text.replaceAll(KERNELS, 'checked').replaceAll('"namespace":"checked"', '"namespace":"checked"'),
    );
    const said = cluster.kubectl(
      ...['apply', '--server-side', '--dry-run=server', '--validate=strict', '--namespace', 'checked', '-f', file],
    );
    expect(said.trim().split('\n').length).toBe(
      rendered({ config: CONFIG, gateway: { autoscaling: { enabled: true } }, kernels: { quota: { pods: '9' } } })
        .length,
    );
  });

  it('makes and guards the namespaces of projects like that of all others', () => {
    const projects = {
      a: { uid: 7, gid: 7, namespace: 'a' },
      b: { uid: 8, gid: 8, namespace: 'a' },
      c: { uid: 9, gid: 9 },
    };
    const config = { ...CONFIG, compute: { projects } };
    const objects = rendered({ config, kernels: { namespaces: ['z'], podSecurity: 'baseline' } });
    const named = (kind: string) => objects.filter((one) => one.kind === kind);
    const all = ['a', KERNELS, 'z'];
    expect(named('Namespace').map(({ metadata }) => metadata.name)).toEqual(all);
    expect(named('Namespace')[0]?.metadata).toMatchObject({
      labels: { 'pod-security.kubernetes.io/enforce': 'baseline' },
    });
    for (const kind of ['Role', 'RoleBinding'])
      expect(named(kind).map(({ metadata }) => metadata.namespace)).toEqual(all);
    const policies = named('NetworkPolicy').filter(({ metadata }) => metadata.namespace !== undefined);
    expect(policies.map(({ metadata }) => metadata.namespace)).toEqual(all);
  });

  describe('installed', () => {
    beforeAll(() => void install({ config: { ...CONFIG, ...OWN_NAMESPACE } }), 120_000);

    it('has its services as deployments, under the restricted standard', async () => {
      const apps = cluster.config().makeApiClient(AppsV1Api);
      const { items } = await apps.listNamespacedDeployment({ namespace: NAMESPACE });
      expect(items.map(({ metadata }) => metadata?.name).sort()).toEqual([
        'bg-gatekeeper',
        'bg-gateway',
        'bg-launcher',
      ]);
      await cluster.makeNamespace('strict');
      // The same pods in a namespace where the standard is enforced: a deployment whose pods it refuses says so.
      for (const { metadata, spec } of items) {
        const name = metadata?.name ?? '';
        const body = {
          metadata: { name },
          spec: { ...spec, selector: spec?.selector ?? {}, template: spec?.template ?? {} },
        };
        for (const account of [name])
          await cluster.core.createNamespacedServiceAccount({
            namespace: 'strict',
            body: { metadata: { name: account } },
          });
        await apps.createNamespacedDeployment({ namespace: 'strict', body });
        const { status } = await cluster.until<V1Deployment>(
          '/apis/apps/v1/namespaces/strict/deployments',
          name,
          ({ status }) => (status?.replicas ?? 0) > 0 || failureOf(status) !== undefined,
        );
        expect(failureOf(status)).toBeUndefined();
      }
    });

    it('gives the launcher pods and secrets of kernels, the sight of nodes and warnings, and nothing else', async () => {
      const authorization = cluster.config().makeApiClient(AuthorizationV1Api);
      const may = async (who: string, verb: string, resource: string, namespace?: string): Promise<boolean> => {
        const user = `system:serviceaccount:${NAMESPACE}:${who}`;
        const resourceAttributes = { verb, resource, ...(namespace === undefined ? {} : { namespace }) };
        const body = { spec: { user, groups: ['system:serviceaccounts', 'system:authenticated'], resourceAttributes } };
        return (await authorization.createSubjectAccessReview({ body })).status?.allowed ?? false;
      };
      for (const verb of ['create', 'get', 'list', 'delete'])
        for (const resource of ['pods', 'secrets'])
          expect(await may('bg-launcher', verb, resource, KERNELS)).toBe(true);
      expect(await may('bg-launcher', 'watch', 'pods', KERNELS)).toBe(true);
      expect(await may('bg-launcher', 'create', 'pods', 'tomo')).toBe(true);
      for (const verb of ['list', 'watch']) expect(await may('bg-launcher', verb, 'events', 'tomo')).toBe(true);
      expect(await may('bg-launcher', 'watch', 'secrets', KERNELS)).toBe(false);
      for (const verb of ['list', 'watch']) expect(await may('bg-launcher', verb, 'nodes')).toBe(true);
      expect(await may('bg-launcher', 'patch', 'nodes')).toBe(false);
      expect(await may('bg-launcher', 'get', 'secrets', NAMESPACE)).toBe(false);
      expect(await may('bg-launcher', 'list', 'secrets')).toBe(false);
      expect(await may('bg-launcher', 'create', 'deployments', KERNELS)).toBe(false);
      for (const who of ['bg-gateway', 'bg-gatekeeper']) expect(await may(who, 'list', 'pods', KERNELS)).toBe(false);
    });

    it('keeps the key that signs tokens when it is upgraded, and takes new settings up', async () => {
      const key = (await secret('bg-signing-key')).data?.['issuer.pem'];
      expect(Buffer.from(key ?? '', 'base64').toString()).toMatch(/^-----BEGIN EC PRIVATE KEY-----/);
      install({ config: { ...CONFIG, auth: { audience: 'elsewhere' } } });
      expect((await secret('bg-signing-key')).data?.['issuer.pem']).toBe(key);
      const settings = Buffer.from((await secret('bg-config')).data?.['config.json'] ?? '', 'base64').toString();
      expect(JSON.parse(settings)).toMatchObject({ ...CONFIG, auth: { audience: 'elsewhere' } });
    });

    it('runs a kernel in a pod, its services started by their settings and with the rights of its accounts', async () => {
      const [database, broker] = await Promise.all([PostgresServer.start(), RabbitServer.start()]);
      const store = { url: await database.createDatabase() };
      const auth = { staticToken: 'of-the-test', staticTokenUser: 'ada' };
      install({
        config: {
          store,
          bus: { url: broker.url },
          auth,
          compute: { agentImage: IMAGES.agent, images: { python3: { image: IMAGES.kernel } } },
        },
      });
      const settings = JSON.parse(
        Buffer.from((await secret('bg-config')).data?.['config.json'] ?? '', 'base64').toString(),
      );
      const { status } = await cluster.core.createNamespacedServiceAccountToken({
        ...{ name: 'bg-launcher', namespace: NAMESPACE },
        body: { spec: { audiences: [] } } as never,
      });
      const kubeconfig = join(folder, 'launcher.kubeconfig');
      const account = cluster.config();
      account.users = [{ name: 'u', token: status?.token ?? '' }];
      writeFileSync(kubeconfig, account.exportConfig());
      // The images of the services can't be built here: processes stand in for their pods.
      const service = async (kind: 'gateway' | 'gatekeeper' | 'launcher', more = {}): Promise<ServiceProcess> => {
        const apps = cluster.config().makeApiClient(AppsV1Api);
        const { spec } = await apps.readNamespacedDeployment({ name: `bg-${kind}`, namespace: NAMESPACE });
        const set = spec?.template.spec?.containers[0]?.env ?? [];
        const env = set
          .filter(({ name }) => name.startsWith('BEAMGATE_COMPUTE_'))
          .map(({ name, value = '' }) => [name, value]);
        const config = { ...settings, compute: { ...settings.compute, ...more } };
        return new ServiceProcess({ kind, name: `chart-${kind}`, config, env: Object.fromEntries(env) });
      };
      const services = await Promise.all([
        service('gatekeeper'),
        service('launcher', { kubeconfig }),
        service('gateway'),
      ]);
      try {
        await Promise.all(services.map((one) => one.start()));
        const gateway = { url: services[2]?.url ?? '', token: auth.staticToken } as Gateway;
        const { id } = await createKernel(gateway);
        await inPhase(gateway, id, 'ready');
        const client = await ChannelClient.open(gateway, id);
        await expect(client.execute('print(6 * 7)')).resolves.toMatchObject({ text: '42\n' });
        const pods = await cluster.core.listNamespacedPod({ namespace: KERNELS });
        expect(pods.items).toMatchObject([
          {
            metadata: { name: `kernel-${id}` },
            spec: { priorityClassName: 'bg-kernels', preemptionPolicy: 'Never' },
          },
        ]);
        await client.close();
        await endKernel(gateway, id);
        await inPhase(gateway, id, 'ended');
      } finally {
        await Promise.all(services.map((one) => one.kill()));
        await Promise.all([database.remove(), broker.remove()]);
      }
    }, 120_000);

    it('leaves the kernels when it is uninstalled', async () => {
      cluster.helm('uninstall', 'bg', '--namespace', NAMESPACE);
      const { status, metadata } = await cluster.core.readNamespace({ name: KERNELS });
      expect(status?.phase).toBe('Active');
      expect(metadata?.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    });
  });
});
