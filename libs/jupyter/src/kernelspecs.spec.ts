import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { InvalidRequest, NotFound } from '#libs/contracts';
import { environmentFolders, readEnvironment } from './environment.js';
import { KernelspecCatalogue, type KernelspecCatalogueOptions } from './kernelspecs.js';

let folder: string;
let problems: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernelspecs-'));
  problems = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (path: string, content: string | object = '') => {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};

const catalogue = (options: Partial<KernelspecCatalogueOptions> = {}) =>
  new KernelspecCatalogue({
    environments: [join(folder, 'environments')],
    cache: join(folder, 'cache'),
    dataPaths: ['user', 'machine'].map((name) => join(folder, name)),
    profiles: ['small', 'large', 'GPU'],
    defaultProfile: 'small',
    allowed: [],
    baseUrl: '/base/',
    variables: { HOME: '/home/ada' },
    onProblem: (sentence) => problems.push(sentence),
    recheckMs: 0,
    ...options,
  });

const yaml = (name: string, more = '') =>
  `name: ${name}\nversion: "1"\ndisplayName: ${name}!\nlanguage: python\npackages: []\n${more}`;

function environment(name: string, more?: string, { made = true } = {}) {
  write(`environments/${name}/environment.yaml`, yaml(name, more));
  write(`environments/${name}/requirements.lock`, 'ipykernel==7.4.0\n');
  write(`environments/${name}/logo-64x64.png`, 'png');
  const { lockHash } = readEnvironment(join(folder, 'environments', name));
  const directory = `cache/environments/${name}-${lockHash}-py3.12-${process.arch}`;
  const python = write(`${directory}/bin/python`);
  if (made) write(`${directory}/.ready`);
  return { python, ready: `${directory}/.ready` };
}

const installed = (path: string, spec: object = {}) =>
  write(`${path}/kernel.json`, { argv: ['R', '{connection_file}'], display_name: path, language: 'R', ...spec });

const names = (specs: KernelspecCatalogue) => specs.list().map(({ name }) => name);

describe('curated environments', () => {
  it('offers one kernelspec for each allowed profile that the service has', () => {
    const { python } = environment('tomo', 'profiles: { default: large, allowed: [large, small, GPU, huge] }');
    const specs = catalogue();
    expect(names(specs)).toEqual(['tomo', 'tomo.gpu', 'tomo.small']);
    expect(specs.resolve('tomo.gpu')).toMatchObject({ profile: 'GPU', command: { kind: 'python', python } });
    expect(specs.resolve('tomo')).toMatchObject({ name: 'tomo', profile: 'large', interruptMode: 'signal' });
    expect(specs.find('tomo.gpu')?.spec.display_name).toBe('tomo! (GPU)');
  });

  it('resolves a former name and does not list it', () => {
    environment('tomo', 'aliases: [old-tomo]');
    const specs = catalogue();
    expect(names(specs)).toEqual(['tomo']);
    expect(specs.resolve('Old-Tomo').name).toBe('tomo');
  });

  it('wins a clash of names with an installed kernelspec', () => {
    environment('python3');
    installed('user/kernels/python3');
    expect(catalogue().find('python3')?.spec.language).toBe('python');
  });

  it('lists an environment as soon as it is made, and refuses it before', () => {
    const { ready } = environment('tomo', '', { made: false });
    const specs = catalogue();
    expect(names(specs)).toEqual([]);
    expect(() => specs.resolve('tomo')).toThrow(/not made on this machine/);
    write(ready);
    expect(names(specs)).toEqual(['tomo']);
  });

  it('are made of their images where kernels are pods; one without an image is refused', () => {
    environment('tomo', 'profiles: { default: large, allowed: [large, small] }', { made: false });
    environment('bare');
    const specs = catalogue({ images: { tomo: { image: 'registry/tomo:1', python: '/opt/bin/python' } } });
    expect(names(specs)).toEqual(['tomo', 'tomo.small']);
    const command = { kind: 'image', image: 'registry/tomo:1', python: '/opt/bin/python' };
    expect(specs.resolve('tomo.small')).toMatchObject({ profile: 'small', command });
    expect(() => specs.resolve('bare')).toThrow(/bare has no image/);
  });

  it('leaves out one that does not parse, says so once, and keeps the others', () => {
    environment('good');
    write('environments/bad/environment.yaml', yaml('bad', 'colour: red'));
    const specs = catalogue();
    expect(names(specs)).toEqual(['good']);
    expect(names(specs)).toEqual(['good']);
    expect(problems).toEqual([expect.stringMatching(/bad.*colour/s)]);
  });

  it('are complete in this repository: every package stands in the lock, and the logo is served', () => {
    for (const path of environmentFolders(['environments'])) {
      const { packages, smoke, folder: at, name } = readEnvironment(path);
      const lock = readFileSync(join(at, 'requirements.lock'), 'utf8');
      expect(packages.filter((one) => !lock.includes(`${one}==`))).toEqual([]);
      const specs = catalogue({ environments: ['environments'] });
      expect(specs.resource(name, 'logo-64x64.png')).toBeDefined();
      expect(specs.resource(name, smoke ?? '')).toBeDefined();
    }
  });
});

describe('installed kernelspecs', () => {
  it('takes the first of a name in the order of the data paths, in any case of its letters', () => {
    installed('user/kernels/IR');
    installed('machine/kernels/ir');
    installed('machine/kernels/julia');
    const specs = catalogue();
    expect(specs.list().map(({ spec }) => spec.display_name)).toEqual(['user/kernels/IR', 'machine/kernels/julia']);
    expect(specs.resolve('iR').command).toMatchObject({
      kind: 'generic',
      resourceDir: join(folder, 'user/kernels/IR'),
    });
  });

  it('fills in variables of the service and leaves unknown ones', () => {
    installed('user/kernels/r', { env: { LIBS: `\${HOME}/libs:\${NONE}` }, interrupt_mode: 'message' });
    const spec = catalogue().resolve('r');
    expect(spec).toMatchObject({ env: { LIBS: `/home/ada/libs:\${NONE}` }, interruptMode: 'message' });
  });

  it.each([
    [{ process_proxy: { class_name: 'enterprise_gateway.services.processproxies.k8s.KubernetesProcessProxy' } }, /k8s/],
    [{ kernel_provisioner: { provisioner_name: 'yarn-provisioner' } }, /yarn-provisioner/],
  ])('refuses one that another launcher would have to start, and does not list it', (metadata, why) => {
    installed('user/kernels/far', { metadata });
    const specs = catalogue();
    expect(names(specs)).toEqual([]);
    expect(() => specs.resolve('far')).toThrow(InvalidRequest);
    expect(() => specs.resolve('far')).toThrow(why);
  });

  it('offers one whose process proxy is the local one', () => {
    const class_name = 'enterprise_gateway.services.processproxies.processproxy.LocalProcessProxy';
    installed('user/kernels/near', { metadata: { process_proxy: { class_name } } });
    expect(names(catalogue())).toEqual(['near']);
  });

  it('sees a kernelspec that was installed or removed meanwhile', () => {
    installed('user/kernels/one');
    const specs = catalogue();
    expect(names(specs)).toEqual(['one']);
    installed('machine/kernels/two');
    rmSync(join(folder, 'user/kernels/one'), { recursive: true });
    expect(names(specs)).toEqual(['two']);
  });

  it('may say when its kernels are ended unasked', () => {
    environment('tomo', 'culling: { idleSeconds: 60, busySeconds: 0 }');
    installed('user/kernels/r', { metadata: { cull_idle_timeout: 600 } });
    installed('user/kernels/never', { metadata: { cull_idle_timeout: -1 } });
    installed('user/kernels/plain');
    installed('user/kernels/wrong', { metadata: { cull_idle_timeout: 'soon' } });
    const specs = catalogue();
    const culling = ['tomo', 'r', 'never', 'plain'].map((name) => specs.resolve(name).culling);
    expect(culling).toEqual([{ idleSeconds: 60, busySeconds: 0 }, { idleSeconds: 600 }, { idleSeconds: 0 }, {}]);
    expect(problems).toEqual([expect.stringMatching(/wrong is left out: metadata.cull_idle_timeout must be a number/)]);
  });

  it('leaves out a broken kernel.json', () => {
    write('user/kernels/broken/kernel.json', '{');
    installed('user/kernels/empty', { argv: [] });
    expect(names(catalogue())).toEqual([]);
    expect(problems).toHaveLength(2);
  });

  it('offers only what is allowed', () => {
    installed('user/kernels/one');
    installed('user/kernels/two');
    expect(names(catalogue({ allowed: ['Two'] }))).toEqual(['two']);
  });
});

describe('names and resources', () => {
  it('tells resources as Jupyter does', () => {
    installed('user/kernels/r');
    for (const name of ['logo-svg.svg', 'logo-64x64.png', 'kernel.js', 'notes.txt']) write(`user/kernels/r/${name}`);
    expect(catalogue().find('r')?.resources).toEqual({
      'kernel.js': '/base/kernelspecs/r/kernel.js',
      'logo-64x64': '/base/kernelspecs/r/logo-64x64.png',
      'logo-svg': '/base/kernelspecs/r/logo-svg.svg',
    });
  });

  it.each(['', '..', '../r', 'a/b', 'a%2fb', 'a b', 'nö', '.'])('knows no kernelspec of the name %j', (name) => {
    installed('user/kernels/r');
    const specs = catalogue();
    expect(specs.find(name)).toBeUndefined();
    expect(specs.resource(name, 'kernel.json')).toBeUndefined();
    expect(() => specs.resolve(name)).toThrow(NotFound);
  });

  it.each([
    '../secret',
    'sub/../../secret',
    '/etc/passwd',
    '..%2fsecret',
    '..\\secret',
    'link',
    'linked/secret',
    'sub',
    '',
  ])('serves nothing at the path %j', (path) => {
    installed('user/kernels/r');
    const secret = write('user/kernels/secret');
    symlinkSync(secret, join(folder, 'user/kernels/r/link'));
    symlinkSync(dirname(secret), join(folder, 'user/kernels/r/linked'));
    const inside = write('user/kernels/r/sub/logo.png');
    const specs = catalogue();
    expect(specs.resource('r', path)).toBeUndefined();
    expect(specs.resource('r', 'sub/logo.png')).toBe(inside);
  });
});
