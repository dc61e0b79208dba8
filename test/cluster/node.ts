import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterNetwork } from './network.js';

export interface NodeParts {
  /** Folder of the network plugins. */
  plugins: string;
  pauseImage: string;
  /** Containers of kernels can be held while they start. */
  holdsStarts: boolean;
}

/** What a kubelet wants. */
const SETTINGS = {
  'vm/overcommit_memory': 1,
  'vm/panic_on_oom': 0,
  'kernel/panic': 10,
  'kernel/panic_on_oops': 1,
  'kernel/keys/root_maxkeys': 1_000_000,
  'kernel/keys/root_maxbytes': 25_000_000,
};

/** Files and flags of the container runtime and the kubelet of one node. */
export class NodeFiles {
  readonly socket: string;

  constructor(
    readonly folder: string,
    private readonly network: ClusterNetwork,
    private readonly parts: NodeParts,
    private readonly name: string,
  ) {
    this.socket = join(folder, 'containerd.sock');
    mkdirSync(join(folder, 'net.d'), { recursive: true });
    // What the kubelet mounts here, in its own mount namespace, is for the runtime in ours.
    execFileSync('mount', ['--bind', folder, folder]);
    execFileSync('mount', ['--make-shared', folder]);
    writeFileSync(this.file('containerd.toml'), this.containerd());
    writeFileSync(this.file('net.d/10-pods.conflist'), JSON.stringify(this.pods()));
  }

  /**
   * A command and its arguments as they run with settings of the kernel that are its own to see: a kubelet sets them for the
   * whole machine unless it finds them set. The pid stays the command's own.
   */
  apart(command: string, args: readonly string[]): [string, string[]] {
    const binds = Object.entries(SETTINGS).map(([name, value]) => {
      const file = this.file(name.replaceAll('/', '.'));
      writeFileSync(file, `${value}\n`);
      return `mount --bind ${file} /proc/sys/${name}`;
    });
    const script = ['mount --make-private /proc', ...binds, 'exec "$0" "$@"'].join(' && ');
    return ['unshare', ['--mount', '--propagation=unchanged', 'sh', '-c', script, command, ...args]];
  }

  /**
   * Holds the next container of a kernel while it is being started: `held` resolves with its id when one is, `release` lets it
   * go on.
   */
  holdStart(): { held: Promise<string>; release(): Promise<void> } {
    const [hold, release] = [this.file('hold'), this.file('release')];
    execFileSync('mkfifo', [hold, release]);
    return {
      held: readFile(hold, 'utf8').then((id) => id.trim()),
      release: async () => {
        await writeFile(release, '');
        rmSync(release);
      },
    };
  }

  runtime(): string[] {
    return ['--config', this.file('containerd.toml'), '--log-level', 'info'];
  }

  kubelet(kubeconfig: string): string[] {
    writeFileSync(this.file('kubelet.json'), JSON.stringify(this.configuration()));
    return [
      `--config=${this.file('kubelet.json')}`,
      `--kubeconfig=${kubeconfig}`,
      `--root-dir=${this.file('kubelet')}`,
      `--cert-dir=${this.file('certificates')}`,
      `--hostname-override=${this.name}`,
      `--node-ip=${this.network.address}`,
    ];
  }

  private containerd(): string {
    return `
version = 2
root = "${this.file('root')}"
state = "${this.file('state')}"
[grpc]
  address = "${this.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${this.parts.pauseImage}"
  disable_apparmor = true
  # Without CAP_SYS_RESOURCE a sandbox can't lower its score, and runc dies of it.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${this.parts.plugins}"
    conf_dir = "${this.file('net.d')}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        BinaryName = "${this.runc()}"
        Root = "${this.file('runc')}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${this.file('opt')}"
`;
  }

  /** runc, but for containers of kernels while somebody holds them. @see holdStart */
  private runc(): string {
    if (!this.parts.holdsStarts) return 'runc';
    const script = `#!/bin/sh
case "$*" in *" start "*)
  for id; do :; done
  if grep -q '"io.kubernetes.cri.container-name":"kernel"' ${this.file('state')}/io.containerd.runtime.v2.task/k8s.io/$id/config.json &&
    mv ${this.file('hold')} ${this.file('held')}.$$ 2>/dev/null
  then
    echo $id > ${this.file('held')}.$$
    cat ${this.file('release')}
  fi
esac
exec runc "$@"
`;
    writeFileSync(this.file('runc.sh'), script, { mode: 0o755 });
    return this.file('runc.sh');
  }

  private pods(): object {
    const { subnet, first, last } = this.network.pods;
    const range = { subnet, rangeStart: first, rangeEnd: last, gateway: this.network.address };
    const ipam = { type: 'host-local', dataDir: this.file('addresses'), ranges: [[range]] };
    const bridge = { type: 'bridge', bridge: 'br0', isGateway: true, ipMasq: false, ipam };
    return { cniVersion: '0.4.0', name: 'pods', plugins: [bridge] };
  }

  private configuration(): object {
    return {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      failCgroupV1: false,
      failSwapOn: false,
      cgroupDriver: 'cgroupfs',
      cgroupRoot: `/${this.name}`,
      containerRuntimeEndpoint: `unix://${this.socket}`,
      address: this.network.address,
      authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
      authorization: { mode: 'AlwaysAllow' },
      enforceNodeAllocatable: [],
      makeIPTablesUtilChains: false,
      localStorageCapacityIsolation: false,
      evictionHard: { 'memory.available': '10Mi' },
      imageGCHighThresholdPercent: 99,
      imageGCLowThresholdPercent: 98,
      registryPullQPS: 0,
      clusterDomain: 'cluster.local',
      resolvConf: '',
      podLogsDir: this.file('logs'),
      nodeStatusUpdateFrequency: '1s',
      nodeLeaseDurationSeconds: 4,
    };
  }

  private file = (name: string): string => join(this.folder, name);
}
