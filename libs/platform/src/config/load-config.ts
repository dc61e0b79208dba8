import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { Config } from '../config.schema.js';
import { ConfigError, type ConfigFault } from './config-error.js';
import { configKeys } from './config-keys.js';
import { configFile, type Layer, readEnvironment, readFile, readFlags } from './layers.js';

export interface LoadedConfig {
  config: Config;
  /** `--help` was asked: print `configHelp()` and do nothing else. */
  help: boolean;
  /** For the log at start: settings of other products that have no meaning here. */
  notices: string[];
}

const put = (target: Record<string, unknown>, path: readonly string[], value: unknown): void => {
  const [head = '', ...rest] = path;
  if (rest.length === 0) target[head] = value;
  else {
    target[head] ??= {};
    put(target[head] as Record<string, unknown>, rest, value);
  }
};

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** Rules that tie keys together. */
const conflicts = (config: Config): Omit<ConfigFault, 'source'>[] => [
  ...(config.auth.mode === 'none' && !isLoopback(config.host)
    ? [
        {
          key: 'auth.mode',
          message: `\`none\` trusts every caller, so host must be a loopback address, not ${config.host}`,
        },
      ]
    : []),
  ...(config.compute.host === 'kubernetes' && config.compute.agentImage === ''
    ? [{ key: 'compute.agentImage', message: 'kernels as pods need the image of the agent' }]
    : []),
  ...(config.compute.host === 'kubernetes' && Object.keys(config.compute.images).length === 0
    ? [{ key: 'compute.images', message: 'kernels as pods need an image for each environment that is offered' }]
    : []),
  ...(config.bus.url.startsWith('amqp:') && (config.bus.tls.ca !== '' || config.bus.tls.certificate !== '')
    ? [{ key: 'bus.tls', message: 'nothing is encrypted unless bus.url is an amqps:// URL' }]
    : []),
  ...(Object.hasOwn(config.profiles, config.defaultProfile)
    ? []
    : [
        {
          key: 'defaultProfile',
          message: `no profile ${config.defaultProfile}; accepted: ${Object.keys(config.profiles).join(', ')}`,
        },
      ]),
];

/** Later layers win. */
const merge = (layers: readonly Layer[]) => {
  const values: Layer['values'] = new Map();
  for (const layer of layers) for (const [key, entry] of layer.values) values.set(key, entry);
  return values;
};

/**
 * Settings from flags, environment and file, in that order of precedence, over the defaults.
 *
 * @param argv  words after the program's name
 * @throws ConfigError that lists every fault
 */
export const loadConfig = (argv: readonly string[], env: NodeJS.ProcessEnv = process.env): LoadedConfig => {
  const flags = readFlags(argv);
  if (flags.help) return { config: Config.parse({}), help: true, notices: [] };
  const file = flags.file ?? configFile(env);
  const layers = [...(file === undefined ? [] : [readFile(resolve(file))]), readEnvironment(env), flags.layer];
  const values = merge(layers);
  const faults = layers.flatMap((layer) => layer.faults);

  const raw = {};
  for (const [key, { value }] of values) put(raw, key.path, value);
  const sourceOf = (name: string): string =>
    [...values].find(([key]) => key.name === name || name.startsWith(`${key.name}.`))?.[1].source ?? 'default';

  const result = Config.safeParse(raw);
  for (const issue of result.error?.issues ?? []) {
    const name = issue.path.join('.');
    const accepts = configKeys().find((key) => key.name === name)?.accepts;
    const message = accepts === undefined ? issue.message : `${issue.message}; accepted: ${accepts}`;
    faults.push({ key: name, source: sourceOf(name), message });
  }
  if (result.success)
    faults.push(...conflicts(result.data).map((fault) => ({ ...fault, source: sourceOf(fault.key) })));
  if (!result.success || faults.length > 0) throw new ConfigError(faults);
  return {
    config: { ...result.data, data: resolve(result.data.data) },
    help: false,
    notices: layers.flatMap((layer) => layer.notices),
  };
};
