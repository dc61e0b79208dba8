import { spawnSync } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { podOf } from '../../libs/compute/src/kubernetes/manifest.js';
import { cleanEnvironment, remove, temporaryFolder } from '../support/gateway.js';
import { Dockerfile } from './dockerfile.js';

/** What an image would have at `/`, in a folder: its programs run there, with this machine's node and Python. */
describe('an image', () => {
  const folders: string[] = [];
  const assembled = (file: Dockerfile): string => {
    const folder = temporaryFolder('image');
    folders.push(folder);
    file.assemble(folder);
    return folder;
  };
  // As in the image: node is found by the path, and is the one that the services are made for.
  const PATH = [dirname(process.execPath), process.env['PATH']].join(delimiter);
  const run = (command: string, args: string[], cwd: string) =>
    spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...cleanEnvironment(), PATH } });
  afterAll(() => folders.forEach(remove));

  const services = new Dockerfile('k8s/images/services.Dockerfile');
  const agent = new Dockerfile('k8s/images/agent.Dockerfile');

  it.each([
    ['services', services, '10000:10000'],
    ['agent', agent, '10001:10001'],
  ])('of %s has a user of its own that is not root, by number, and a base of a fixed version', (_, file, user) => {
    // By number: the cluster's runAsNonRoot can't judge a name.
    expect(file.user).toBe(user);
    for (const base of file.bases) expect(base).toMatch(/:\d/);
  });

  it.each(['gateway', 'gatekeeper', 'launcher'])('of services has all that %s loads', (service) => {
    const folder = assembled(services);
    const [program = '', ...args] = services.entrypoint;
    const home = join(folder, services.workdir);
    const help = run(join(home, program), [...args, service, '--help'], home);
    expect(help).toMatchObject({ status: 0, stderr: '' });
    expect(help.stdout).toContain(service);
    // It goes past its settings, so all that it loads at once is there.
    const started = run(join(home, program), [...args, service], home);
    expect(started).toMatchObject({ status: 1, stderr: expect.stringMatching(/^bus\.url: \w+ is one service/) });
  });

  it('of the agent has what pods run, and nothing that it needs beside', () => {
    const folder = assembled(agent);
    const launch = { command: { image: 'i', python: 'python3' }, limits: { cpuMilli: null, memoryBytes: null } };
    const options = {
      agentImage: 'a',
      imagePullPolicy: 'Always',
      launcher: 'l',
      ringBytes: 1,
      boot: '',
    };
    const pod = podOf(
      'k' as never,
      launch as never,
      { groups: [], node: null, namespace: 'n', volumes: [] } as never,
      {},
      options as never,
    );
    const [program = '', ...args] = pod.spec?.containers.find(({ name }) => name === 'agent')?.command ?? [];
    const local = args.map((arg) => (arg.startsWith('/') ? join(folder, arg) : arg));
    expect(local).not.toEqual(args);
    const started = run(program, local, folder);
    // Everything is imported before it looks for what it is to be, which only the pod's secret says.
    expect(started.stderr).toMatch(/^the specification can't be read/);
  });
});
