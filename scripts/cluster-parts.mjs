#!/usr/bin/env node
/**
 * Makes what the test cluster is started from: Kubernetes in one binary (test/cluster), the container runtime, and three
 * images. All of it but the runtime lies in the cache, named by the hash of what it was made from.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run } from './build.mjs';
import { cacheRoot } from './environment.mjs';
import { packLayer, writeImage } from './oci-image.mjs';
import { makeVenv } from './venv.mjs';

const VERSION = '1.35.4';
const MODULE = join(root, 'test', 'cluster');
const LOCK = join(root, 'test', 'requirements-pod.lock');
const AGENT = join(root, 'agent', 'beamgate_agent');
const SUITE = 'bookworm';
/** Of the suite's Python. */
const PYTHON = '3.11';
/** Beside `go`, whose own version the module asks for. */
const TOOLS = ['containerd', 'runc', 'iptables', 'debootstrap', 'ip'];
const PACKAGES = ['containerd', 'runc', 'containernetworking-plugins', 'iptables', 'debootstrap', 'iproute2'];
const PLUGINS = '/usr/lib/cni';
/** What nobody used for so long, made from what is no more, goes. */
const KEEP_MS = 7 * 24 * 3600 * 1000;

/** Names of the images, as pods name them. */
export const images = {
  pause: 'beamgate.test/pause:dev',
  kernel: 'beamgate.test/kernel:dev',
  agent: 'beamgate.test/agent:dev',
};

const hashOf = (parts) => createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 12);
const sourcesOf = (folder, ending) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'));

/** Makes `file` by `make(temporary)`, unless it is there; it appears whole or not at all. */
async function cached(file, what, log, make) {
  if (existsSync(file)) {
    utimesSync(file, new Date(), new Date());
    return file;
  }
  const since = Date.now();
  log(`${what} …`);
  mkdirSync(join(file, '..'), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  await make(temporary);
  renameSync(temporary, file);
  forget(dirname(file));
  log(`${what}: done (${Math.round((Date.now() - since) / 1000)} s).`);
  return file;
}

function forget(folder) {
  const old = (path) => Date.now() - statSync(path).mtimeMs > KEEP_MS;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (old(path)) rmSync(path, { recursive: true, force: true });
  }
}

/** Calls `work` with a folder that is gone afterwards. */
async function inFolder(folder, work) {
  mkdirSync(folder, { recursive: true });
  const own = mkdtempSync(join(folder, 'making-'));
  // A container's root must be open to its user.
  chmodSync(own, 0o755);
  try {
    return await work(own);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** @param {string} from its package: a folder of the module, or the import path of a tool that the module names */
async function goProgram(folder, name, flags, log, module = MODULE, from = `./${name}`) {
  const inputs = ['go.mod', 'go.sum'].map((file) => readFileSync(join(module, file), 'utf8'));
  const sources = from.startsWith('.') ? sourcesOf(join(module, name), '.go') : [];
  const hash = hashOf([...inputs, ...sources, ...flags, process.arch]);
  const file = join(folder, `${name}-${hash}`);
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false -p=2' };
  return cached(file, `${name}: building (the cluster's takes 5 to 10 minutes the first time)`, log, (temporary) =>
    run('nice', ['-n', '19', 'go', 'build', '-trimpath', '-ldflags', flags.join(' '), '-o', temporary, from], {
      cwd: module,
      env,
    }),
  );
}

/** Without a version of its own the server reports one that its clients can't parse. */
const kubebox = (folder, log) => {
  const own = 'k8s.io/component-base/version';
  const [major, minor] = VERSION.split('.');
  const named = { gitVersion: `v${VERSION}`, gitMajor: major, gitMinor: minor };
  const flags = Object.entries(named).map(([name, value]) => `-X ${own}.${name}=${value}`);
  const client = `-X k8s.io/client-go/pkg/version.gitVersion=v${VERSION}`;
  return goProgram(folder, 'kubebox', ['-s', '-w', ...flags, client], log);
};

/** The real one, which applies the chart. Without a cluster it takes itself to be talking to this version. */
const helm = (folder, log) => {
  const [major, minor] = VERSION.split('.');
  const own = 'helm.sh/helm/v3/pkg/chartutil';
  const flags = ['-s', '-w', `-X ${own}.k8sVersionMajor=${major}`, `-X ${own}.k8sVersionMinor=${minor}`];
  return goProgram(folder, 'helm', flags, log, join(MODULE, 'helm'), 'helm.sh/helm/v3/cmd/helm');
};

/** @throws Error of one line where this process may not make what a node is made of */
function privileges() {
  const namespaces = spawnSync('unshare', ['--net', '--mount', 'true'], { encoding: 'utf8' });
  if (process.platform !== 'linux' || process.getuid() !== 0 || namespaces.status !== 0)
    throw new Error('The test cluster needs Linux, root, and the right to make network and mount namespaces.');
}

const found = (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;

async function runtime(log) {
  const isThere = () => TOOLS.every(found) && existsSync(join(PLUGINS, 'bridge'));
  if (isThere()) return PLUGINS;
  const hint = `The test cluster needs ${PACKAGES.join(', ')}`;
  if (process.getuid() !== 0 || !found('apt-get')) throw new Error(`${hint}; install them.`);
  log('container runtime: installing by apt …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-qq'], { env });
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES], { env });
  if (!isThere()) throw new Error(`${hint}, and apt did not bring all of them.`);
  return PLUGINS;
}

/** Where this machine has its own packages from, so that a mirror serves the images too. */
function mirror() {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI) $(RELEASE)'], { encoding: 'utf8' });
  const lines = (stdout ?? '').split('\n').map((line) => line.split(' '));
  const uri = lines.find(([, release]) => release === SUITE)?.[0] ?? lines.find(([found]) => found)?.[0];
  return uri ? [uri] : [];
}

/** One of the machine with pip, of the image's version where there is such a one. */
const interpreter = async (log) =>
  join(await makeVenv('agent-tests', join(root, 'test', 'requirements-agent.lock'), { log }), 'bin', 'python');

/** What the image's interpreter finds compiled, it need not compile at every start; another's it could not use. */
async function compile(python, folder) {
  const { stdout } = spawnSync(python, ['--version'], { encoding: 'utf8' });
  if (!stdout.startsWith(`Python ${PYTHON}.`)) return;
  await run(python, ['-m', 'compileall', '-q', '--invalidation-mode', 'unchecked-hash', folder]);
}

const baseLayer = (folder, log) =>
  cached(join(folder, `base-${hashOf([SUITE, process.arch])}.tar`), 'base of the images', log, (temporary) =>
    inFolder(folder, async (own) => {
      await run('debootstrap', ['--variant=minbase', '--include=python3', SUITE, own, ...mirror()]);
      for (const part of ['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/man', 'dev', 'proc', 'sys'])
        rmSync(join(own, part), { recursive: true, force: true });
      for (const point of ['dev', 'proc', 'sys']) mkdirSync(join(own, point));
      await packLayer(own, temporary);
    }),
  );

const kernelImage = (folder, base, log) => {
  const file = join(folder, `kernel-${hashOf([readFileSync(LOCK, 'utf8'), base])}.tar`);
  return cached(file, 'image of the kernel', log, (temporary) =>
    inFolder(folder, async (own) => {
      const target = join(own, 'usr/local/lib', `python${PYTHON}`, 'dist-packages');
      const pip = ['-m', 'pip', '--disable-pip-version-check', '--no-input', 'install', '--quiet', '--no-deps'];
      const fit = ['--only-binary=:all:', '--python-version', PYTHON, '--implementation', 'cp', '--target', target];
      const python = await interpreter(log);
      await run(python, [...pip, '--no-compile', ...fit, '-r', LOCK]);
      await compile(python, target);
      const layer = `${temporary}.layer`;
      await packLayer(own, layer);
      await writeImage(images.kernel, [base, layer], { Env: ['PATH=/usr/local/bin:/usr/bin:/bin'] }, temporary);
      rmSync(layer);
    }),
  );
};

const agentImage = (folder, base, log) => {
  const file = join(folder, `agent-${hashOf([...sourcesOf(AGENT, '.py'), base])}.tar`);
  return cached(file, 'image of the agent', log, (temporary) =>
    inFolder(folder, async (own) => {
      const target = join(own, 'opt/beamgate/agent/beamgate_agent');
      cpSync(AGENT, target, { recursive: true, filter: (path) => !path.endsWith('__pycache__') });
      await compile(await interpreter(log), target);
      const layer = `${temporary}.layer`;
      await packLayer(own, layer);
      const config = { Env: ['PATH=/usr/local/bin:/usr/bin:/bin'], User: '10001:10001' };
      await writeImage(images.agent, [base, layer], config, temporary);
      rmSync(layer);
    }),
  );
};

const pauseImage = async (folder, log) => {
  const program = await goProgram(folder, 'pause', ['-s', '-w'], log);
  return cached(`${program}.tar`, 'image of the sandbox', log, (temporary) =>
    inFolder(folder, async (own) => {
      cpSync(program, join(own, 'pause'));
      const layer = `${temporary}.layer`;
      await packLayer(own, layer);
      await writeImage(images.pause, [layer], { Entrypoint: ['/pause'], User: '65535:65535' }, temporary);
      rmSync(layer);
    }),
  );
};

/**
 * Makes every part, or finds it made.
 *
 * @returns {Promise<{kubebox: string, helm: string, plugins: string, images: {pause: string, kernel: string, agent: string}}>}
 *   the binaries, the folder of network plugins, and the files of the images
 * @throws Error that says in its first line what could not be had
 */
export async function clusterParts({ log, cache = cacheRoot() }) {
  const folder = join(cache, 'cluster');
  privileges();
  if (!found('go'))
    throw new Error('The test cluster is built with Go: install it (1.25 or newer) and have it in PATH.');
  const plugins = await runtime(log);
  // One after the other: they share most of what is compiled.
  const binaries = kubebox(folder, log).then(async (cluster) => ({ kubebox: cluster, helm: await helm(folder, log) }));
  binaries.catch(() => {});
  const base = await baseLayer(folder, log);
  const files = {
    pause: await pauseImage(folder, log),
    kernel: await kernelImage(folder, base, log),
    agent: await agentImage(folder, base, log),
  };
  return { ...(await binaries), plugins, images: files };
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const parts = await clusterParts({ log: (line) => process.stderr.write(`${line}\n`) });
    process.stdout.write(`${JSON.stringify(parts, null, 2)}\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
