import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The ports of the control plane, on the cluster's own address. */
const PORT = { api: 6443, etcd: 2379, etcdPeer: 2380 };

const CONTROLLERS = [
  'deployment-controller',
  'replicaset-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'root-ca-certificate-publisher-controller',
  'job-controller',
  'persistentvolume-binder-controller',
  'garbage-collector-controller',
  'resourcequota-controller',
  'ttl-after-finished-controller',
  'pod-garbage-collector-controller',
  // A new node's taint is taken away by the first of these, and the second needs the first.
  'node-lifecycle-controller',
  'taint-eviction-controller',
];

export type Identity = 'admin' | 'scheduler' | 'kubelet' | 'broker';

/** Files and flags of the control plane's parts. */
export class ControlPlane {
  private readonly tokens: Record<Identity, string>;

  constructor(
    private readonly folder: string,
    private readonly address: string,
    readonly nodeName: string,
  ) {
    const token = () => randomBytes(16).toString('hex');
    this.tokens = { admin: token(), scheduler: token(), kubelet: token(), broker: token() };
    mkdirSync(join(folder, 'certificates'), { recursive: true });
    const { admin, scheduler, kubelet, broker } = this.tokens;
    const users = [
      `${admin},admin,1,"system:masters"`,
      `${scheduler},system:kube-scheduler,2`,
      `${kubelet},system:node:${nodeName},3,"system:nodes"`,
      `${broker},beamgate,4`,
    ];
    writeFileSync(this.file('tokens.csv'), `${users.join('\n')}\n`);
    // Every request of the service, and nobody else's, when it is answered.
    const rules = [{ level: 'Metadata', users: ['beamgate'] }, { level: 'None' }];
    const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules };
    writeFileSync(this.file('audit-policy.json'), JSON.stringify(policy));
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(this.file('service-accounts.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  }

  get url(): string {
    return `https://${this.address}:${PORT.api}`;
  }

  etcd(): string[] {
    const url = (port: number) => `http://${this.address}:${port}`;
    return ['--data-dir', this.file('etcd'), '--client-url', url(PORT.etcd), '--peer-url', url(PORT.etcdPeer)];
  }

  apiServer(): string[] {
    const key = this.file('service-accounts.key');
    return [
      `--etcd-servers=http://${this.address}:${PORT.etcd}`,
      `--bind-address=${this.address}`,
      `--advertise-address=${this.address}`,
      `--secure-port=${PORT.api}`,
      `--cert-dir=${this.file('certificates')}`,
      `--token-auth-file=${this.file('tokens.csv')}`,
      '--authorization-mode=Node,RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--endpoint-reconciler-type=none',
      '--allow-privileged=true',
      `--audit-policy-file=${this.file('audit-policy.json')}`,
      `--audit-log-path=${this.auditLog}`,
    ];
  }

  controllers(graceSeconds: number): string[] {
    return [
      `--kubeconfig=${this.kubeconfig('admin')}`,
      '--leader-elect=false',
      '--secure-port=0',
      `--controllers=${CONTROLLERS.join(',')}`,
      `--service-account-private-key-file=${this.file('service-accounts.key')}`,
      `--root-ca-file=${this.certificateFile}`,
      `--node-monitor-grace-period=${graceSeconds}s`,
    ];
  }

  scheduler(): string[] {
    const admin = this.kubeconfig('admin');
    return [
      `--kubeconfig=${this.kubeconfig('scheduler')}`,
      `--authentication-kubeconfig=${admin}`,
      `--authorization-kubeconfig=${admin}`,
      '--leader-elect=false',
      `--bind-address=${this.address}`,
    ];
  }

  /** Path of the file that tells of each request of the service, a line of JSON each; not there before the first. */
  get auditLog(): string {
    return this.file('audit.log');
  }

  /** The API server makes its own certificate, which is its clients' authority. */
  certificate = (): string => readFileSync(this.certificateFile, 'utf8');

  token = (identity: Identity): string => this.tokens[identity];

  /** Path of a kubeconfig. */
  kubeconfig(identity: Identity): string {
    const file = this.file(`${identity}.json`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: this.url, 'certificate-authority': this.certificateFile } }],
      users: [{ name: 'u', user: { token: this.tokens[identity] } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }

  private get certificateFile(): string {
    return join(this.folder, 'certificates', 'apiserver.crt');
  }

  private file = (name: string): string => join(this.folder, name);
}
