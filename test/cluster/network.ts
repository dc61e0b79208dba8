import { execFileSync } from 'node:child_process';

const ip = (...args: string[]): string =>
  execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Second bytes of the networks 10.x.0.0/16 that clusters may have. */
const FIRST = 100;
const LAST = 219;

/**
 * A network namespace with a bridge in it, on which pods, node and control plane have their addresses, and one wire from
 * the bridge to this process's own namespace: so tests reach pods by their addresses.
 */
export class ClusterNetwork {
  private constructor(
    readonly name: string,
    private readonly byte: number,
  ) {}

  /** @throws Error when this process may not make namespaces */
  static make(name: string): ClusterNetwork {
    const network = new ClusterNetwork(name, freeByte());
    ip('netns', 'add', name);
    try {
      network.wire();
    } catch (error) {
      network.remove();
      throw error;
    }
    return network;
  }

  /** Of the bridge, and so of the node and of the API server. */
  get address(): string {
    return `10.${this.byte}.0.1`;
  }

  /** Of pods: the bridge's network without the node's and the tests' own addresses. */
  get pods(): { subnet: string; first: string; last: string } {
    const { byte } = this;
    return { subnet: `10.${byte}.0.0/16`, first: `10.${byte}.1.1`, last: `10.${byte}.200.254` };
  }

  /** A command and its arguments as they run in the namespace; the pid stays the command's own. */
  inside(command: string, args: readonly string[]): [string, string[]] {
    return ['nsenter', [`--net=/run/netns/${this.name}`, '--', command, ...args]];
  }

  /** The wire goes with the namespace. */
  remove(): void {
    ip('netns', 'delete', this.name);
  }

  private wire(): void {
    const { name, byte } = this;
    const wire = `v${name}`.slice(0, 15);
    ip('-n', name, 'link', 'set', 'lo', 'up');
    // A bridge without an address of its own takes the lowest of its ports': it would change with every pod that comes and
    // goes, and who knew the old one would reach nothing until that is forgotten.
    ip('-n', name, 'link', 'add', 'br0', 'address', '02:00:00:00:00:01', 'type', 'bridge');
    ip('-n', name, 'address', 'add', `${this.address}/16`, 'dev', 'br0');
    ip('-n', name, 'link', 'set', 'br0', 'up');
    ip('link', 'add', wire, 'type', 'veth', 'peer', 'name', 'outside', 'netns', name);
    ip('-n', name, 'link', 'set', 'outside', 'master', 'br0', 'up');
    ip('address', 'add', `10.${byte}.255.254/16`, 'dev', wire);
    ip('link', 'set', wire, 'up');
    const [command, args] = this.inside('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    execFileSync(command, args);
  }
}

/** By chance, so that clusters that start together seldom meet; one that does fails at its address and says so. */
function freeByte(): number {
  const routes = ip('route', 'show');
  const free = Array.from({ length: LAST - FIRST + 1 }, (_, index) => FIRST + index).filter(
    (byte) => !routes.includes(`10.${byte}.`),
  );
  const byte = free[Math.floor(Math.random() * free.length)];
  if (byte === undefined) throw new Error('No network is free for a test cluster.');
  return byte;
}
