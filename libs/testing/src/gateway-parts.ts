import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KernelspecCatalogue } from '#libs/jupyter';
import { Config, createLog } from '#libs/platform';
import { FakeGatekeeper } from './fake-gatekeeper.js';

const LOGO = Buffer.from('89504e470d0a1a0a', 'hex');

const kernelspecFolder = (parent: string, name: string, displayName: string): void => {
  const folder = join(parent, 'kernels', name);
  mkdirSync(folder, { recursive: true });
  const spec = { argv: ['python', '-f', '{connection_file}'], display_name: displayName, language: 'python' };
  writeFileSync(join(folder, 'kernel.json'), JSON.stringify({ ...spec, env: { FROM_SPEC: 'yes' } }));
  writeFileSync(join(folder, 'logo-64x64.png'), LOGO);
};

/** All that a gateway needs besides itself, over a fake gatekeeper, with two kernelspecs in a folder of its own. */
export const gatewayParts = (settings: Record<string, unknown> = {}) => {
  const data = mkdtempSync(join(tmpdir(), 'beamgate-gateway-'));
  kernelspecFolder(data, 'python3', 'Python 3');
  kernelspecFolder(data, 'ir', 'R');
  const config = Config.parse({ data, log: { level: 'debug' }, ...settings });
  const lines: Record<string, unknown>[] = [];
  const log = createLog(config, { write: (line) => void lines.push(JSON.parse(line)) });
  const gatekeeper = new FakeGatekeeper();
  const kernelspecs = new KernelspecCatalogue({
    environments: [],
    cache: data,
    dataPaths: [data],
    profiles: Object.keys(config.profiles),
    defaultProfile: config.defaultProfile,
    allowed: config.kernels.allowedKernelspecs,
    baseUrl: config.baseUrl,
    variables: {},
    onProblem: () => {},
  });
  const { kernels: kernelReader, sessionReader, tokenReader, inputLogReader } = gatekeeper;
  return { config, log, lines, gatekeeper, kernelspecs, kernelReader, sessionReader, tokenReader, inputLogReader };
};
