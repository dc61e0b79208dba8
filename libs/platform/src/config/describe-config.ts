import { homedir } from 'node:os';
import { ALIASES, NEEDLESS } from './aliases.js';
import { type ConfigKey, configKeys } from './config-keys.js';

/** Keys whose default depends on the machine: shown in words, so that pages are the same everywhere. */
const MACHINE_DEFAULTS: Readonly<Record<string, string>> = {
  data: '`~/.local/share/beamgate`',
  cache: '`~/.cache/beamgate`',
  'scheduling.cpuMilli': '16 × the CPUs',
  'scheduling.memoryBytes': '90 % of the memory',
};

const defaultText = ({ name, defaultValue }: ConfigKey): string => {
  const words = MACHINE_DEFAULTS[name];
  if (words !== undefined) return words;
  if (defaultValue === '') return 'empty';
  return `\`${typeof defaultValue === 'string' ? defaultValue : JSON.stringify(defaultValue)}\``;
};

/** The text of `--help`. */
export const configHelp = (program: string): string => {
  const line = (key: ConfigKey): string => {
    const value = key.kind === 'boolean' ? '' : ` ${key.kind.toUpperCase()}`;
    const shown = defaultText(key).replaceAll('`', '').replace('~', homedir());
    return `  ${key.flag}${value}\n      ${key.description.replaceAll('`', '')} [${shown}]`;
  };
  return [
    `Usage: ${program} [--config FILE] [--port 8888] [--data DIR] [--auth none] [--KEY VALUE ...]`,
    '',
    'Flags win over the environment (BEAMGATE_PORT for --port), the environment over the file. Lists take commas,',
    'objects JSON; --no-KEY turns a switch off.',
    '',
    '  --config FILE\n      Settings as YAML or JSON [none]',
    '  --auth MODE\n      Short for --auth-mode',
    ...configKeys().map(line),
    '',
  ].join('\n');
};

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const row = (...cells: string[]): string => `| ${cells.map(cell).join(' | ')} |`;

/** `docs/reference/configuration.md`. */
export const configReference = (): string => {
  const keys = configKeys();
  const sections = [...new Set(keys.map(({ path }) => (path.length > 1 ? (path[0] ?? '') : '')))];
  const table = (section: string): string[] => [
    section === '' ? '## General' : `## ${section}`,
    '',
    row('key', 'meaning', 'accepts', 'default', 'flag and variable'),
    row('---', '---', '---', '---', '---'),
    ...keys
      .filter(({ path }) => (path.length > 1 ? path[0] : '') === section)
      .map((key) =>
        row(`\`${key.name}\``, key.description, key.accepts, defaultText(key), `\`${key.flag}\` \`${key.variable}\``),
      ),
    '',
  ];
  return [
    '# Configuration',
    '',
    'Generated from the schema by `npm run docs`; do not edit.',
    '',
    'A flag wins over an environment variable, that over the file given by `--config FILE` (or `BEAMGATE_CONFIG`), and',
    'that over the default. The file is YAML or JSON with the sections below as nested keys. In flags and variables lists',
    'are written with commas or as JSON, objects as JSON. A switch is `--keep-kernels` or `--no-keep-kernels`; `--auth` is',
    'short for `--auth-mode`. Unknown flags, keys and `BEAMGATE_` variables are errors.',
    '',
    ...sections.flatMap(table),
    '## Variables of Enterprise Gateway',
    '',
    'These are read where the `BEAMGATE_` variable is not set; the older `KG_` form of each works too. Others of that',
    'product have no meaning here and are named in the log at start.',
    '',
    row('variable', 'key', 'note'),
    row('---', '---', '---'),
    ...ALIASES.flatMap(({ suffixes, key, note }) =>
      suffixes.map((suffix) => row(`\`EG_${suffix}\``, `\`${key}\``, note ?? '')),
    ),
    ...Object.entries(NEEDLESS).map(([suffix, sentence]) => row(`\`EG_${suffix}\``, 'none', sentence)),
    '',
  ].join('\n');
};
