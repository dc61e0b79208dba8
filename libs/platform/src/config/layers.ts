import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ALIASES, NEEDLESS } from './aliases.js';
import type { ConfigFault } from './config-error.js';
import { type ConfigKey, configKeys } from './config-keys.js';
import { suggestion } from './nearest.js';
import { parseValue } from './parse-value.js';

/** What one source says: key → value, and where it stood. */
export interface Layer {
  values: Map<ConfigKey, { value: unknown; source: string }>;
  faults: ConfigFault[];
  notices: string[];
}
const layer = (): Layer => ({ values: new Map(), faults: [], notices: [] });

/** Names of this prefix are settings; it is an error where they are unknown. */
const PREFIX = 'BEAMGATE_';
/** Read apart: the file to load. */
const FILE_VARIABLE = 'BEAMGATE_CONFIG';
/** No settings of the service: what `npm start` tells it, and what the command line reads. */
const RESERVED = new Set([FILE_VARIABLE, 'BEAMGATE_STARTED_AT', 'BEAMGATE_URL', 'BEAMGATE_TOKEN']);

const setText = (target: Layer, key: ConfigKey, text: string, source: string): void => {
  try {
    target.values.set(key, { value: parseValue(key, text), source });
  } catch (error) {
    const message = `${(error as Error).message}; accepted: ${key.accepts}`;
    target.faults.push({ key: key.name, source, message });
  }
};

export interface Flags {
  layer: Layer;
  help: boolean;
  file?: string;
}

/** `--key value`, `--key=value`, `--boolean`, `--no-boolean`; `--auth` is short for `--auth-mode`. */
export const readFlags = (argv: readonly string[]): Flags => {
  const byFlag = new Map(configKeys().map((key) => [key.flag, key]));
  const mode = byFlag.get('--auth-mode');
  if (mode) byFlag.set('--auth', mode);
  const flags: Flags = { layer: layer(), help: false };
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--help' || word === '-h') {
      flags.help = true;
      continue;
    }
    const [name = '', inline] = word.split(/=(.*)/s);
    const key = byFlag.get(name);
    const negated = name.startsWith('--no-') ? byFlag.get(`--${name.slice(5)}`) : undefined;
    if (negated?.kind === 'boolean' && inline === undefined) {
      flags.layer.values.set(negated, { value: false, source: `flag ${name}` });
      continue;
    }
    if (key?.kind === 'boolean' && inline === undefined) {
      flags.layer.values.set(key, { value: true, source: `flag ${name}` });
      continue;
    }
    if (!key && name !== '--config') {
      const hint = suggestion(name, [...byFlag.keys(), '--config', '--help']);
      flags.layer.faults.push({ key: name, source: 'flag', message: `unknown flag${hint}` });
      if (inline === undefined && rest[0]?.startsWith('--') === false) rest.shift();
      continue;
    }
    const text = inline ?? (rest[0]?.startsWith('--') ? undefined : rest.shift());
    if (text === undefined) {
      const accepted = key ? `; accepted: ${key.accepts}` : ': a YAML or JSON file';
      flags.layer.faults.push({ key: key?.name ?? name, source: `flag ${name}`, message: `needs a value${accepted}` });
    } else if (key) setText(flags.layer, key, text, `flag ${name}`);
    else flags.file = text;
  }
  return flags;
};

const readAliases = (env: NodeJS.ProcessEnv, target: Layer): void => {
  const known = new Set<string>();
  const byName = new Map(configKeys().map((key) => [key.name, key]));
  for (const alias of ALIASES) {
    const variables = ['EG', 'KG'].flatMap((prefix) => alias.suffixes.map((suffix) => `${prefix}_${suffix}`));
    for (const variable of variables) known.add(variable);
    const variable = variables.find((name) => (env[name] ?? '') !== '');
    const key = byName.get(alias.key);
    if (variable === undefined || key === undefined) continue;
    const other = (suffix: string): string | undefined => env[`EG_${suffix}`] || env[`KG_${suffix}`] || undefined;
    const value = alias.read ? alias.read(env[variable] ?? '', key.defaultValue, other) : env[variable];
    const source = `environment ${variable}`;
    if (typeof value === 'string') setText(target, key, value, source);
    else if (value !== undefined) target.values.set(key, { value, source });
  }
  for (const [suffix, sentence] of Object.entries(NEEDLESS)) {
    for (const variable of [`EG_${suffix}`, `KG_${suffix}`]) {
      known.add(variable);
      if (env[variable]) target.notices.push(`${variable} is not needed: ${sentence}`);
    }
  }
  const ignored = Object.keys(env).filter((name) => /^[EK]G_/.test(name) && !known.has(name));
  if (ignored.length > 0) target.notices.push(`no meaning here, ignored: ${ignored.sort().join(', ')}`);
};

/** `BEAMGATE_*`, and the `EG_*` and `KG_*` names that mean the same; ours win. */
export const readEnvironment = (env: NodeJS.ProcessEnv): Layer => {
  const target = layer();
  readAliases(env, target);
  const byVariable = new Map(configKeys().map((key) => [key.variable, key]));
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || RESERVED.has(name) || text === undefined) continue;
    const key = byVariable.get(name);
    if (key) setText(target, key, text, `environment ${name}`);
    else {
      const hint = suggestion(name, byVariable.keys());
      target.faults.push({ key: name, source: 'environment', message: `unknown variable${hint}` });
    }
  }
  return target;
};

export const configFile = (env: NodeJS.ProcessEnv): string | undefined => env[FILE_VARIABLE];

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A YAML (so also JSON) file with the sections of the schema. */
export const readFile = (path: string): Layer => {
  const target = layer();
  const source = `file ${path}`;
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    target.faults.push({ key: path, source: 'file', message: (error as Error).message.split('\n')[0] ?? '' });
    return target;
  }
  const byName = new Map(configKeys().map((key) => [key.name, key]));
  const sections = new Set(
    configKeys().flatMap(({ path: parts }) => parts.slice(0, -1).map((_, end) => parts.slice(0, end + 1).join('.'))),
  );
  const walk = (value: unknown, name: string): void => {
    const key = byName.get(name);
    if (key) target.values.set(key, { value, source });
    else if (isSection(value) && (name === '' || sections.has(name)))
      for (const [part, inner] of Object.entries(value)) walk(inner, name === '' ? part : `${name}.${part}`);
    else {
      const hint = suggestion(name, byName.keys());
      const message = sections.has(name) || name === '' ? 'must hold keys and values' : `unknown key${hint}`;
      target.faults.push({ key: name || path, source, message });
    }
  };
  walk(content, '');
  return target;
};
