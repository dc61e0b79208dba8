import { z } from 'zod';
import { Config } from '../config.schema.js';

export type KeyKind = 'string' | 'integer' | 'number' | 'boolean' | 'enum' | 'list' | 'json';

/** One setting, with every name it goes by. */
export interface ConfigKey {
  /** `auth.staticToken`: as in a file and in messages */
  name: string;
  path: readonly string[];
  /** `BEAMGATE_AUTH_STATIC_TOKEN` */
  variable: string;
  /** `--auth-static-token` */
  flag: string;
  kind: KeyKind;
  /** What is accepted, for people. */
  accepts: string;
  description: string;
  defaultValue: unknown;
}

/** Strips default, optional and the like off a schema. */
const bare = (schema: z.core.$ZodType): z.core.$ZodType => {
  const def = schema._zod.def;
  return 'innerType' in def ? bare(def.innerType as z.core.$ZodType) : schema;
};

const words = (path: readonly string[]): string[] =>
  path.flatMap((part) => part.replace(/([a-z\d])([A-Z])/g, '$1 $2').split(' ')).map((word) => word.toLowerCase());

const range = ({ minimum, maximum, exclusiveMinimum }: z.core.JSONSchema.BaseSchema): string => {
  const least = minimum !== undefined && Math.abs(minimum) < Number.MAX_SAFE_INTEGER ? ` ≥ ${minimum}` : '';
  const above = exclusiveMinimum === undefined ? '' : ` > ${exclusiveMinimum}`;
  const most = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? ` ≤ ${maximum}` : '';
  return [least || above, most].filter(Boolean).join(' and');
};

const kindAndRange = (schema: z.core.$ZodType): { kind: KeyKind; accepts: string } => {
  const json = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' });
  if (json.enum !== undefined)
    return { kind: 'enum', accepts: json.enum.map((value) => `\`${String(value)}\``).join(', ') };
  if (json.type === 'integer') return { kind: 'integer', accepts: `integer${range(json)}` };
  if (json.type === 'number') return { kind: 'number', accepts: `number${range(json)}` };
  if (json.type === 'boolean') return { kind: 'boolean', accepts: '`true` or `false`' };
  if (json.type === 'array') {
    const strings = (json.items as z.core.JSONSchema.BaseSchema | undefined)?.type === 'string';
    return strings ? { kind: 'list', accepts: 'list of strings' } : { kind: 'json', accepts: 'list of objects' };
  }
  return json.type === 'object' ? { kind: 'json', accepts: 'object' } : { kind: 'string', accepts: 'string' };
};

const keysOf = (shape: z.core.$ZodShape, path: readonly string[]): ConfigKey[] =>
  Object.entries(shape).flatMap(([key, schema]) => {
    const here = [...path, key];
    const inner = bare(schema);
    if (inner instanceof z.ZodObject) return keysOf(inner.shape, here);
    const name = words(here);
    return {
      name: here.join('.'),
      path: here,
      variable: `BEAMGATE_${name.join('_').toUpperCase()}`,
      flag: `--${name.join('-')}`,
      ...kindAndRange(inner),
      description: z.globalRegistry.get(schema as z.ZodType)?.description ?? '',
      defaultValue: (schema as z.ZodType).parse(undefined),
    };
  });

/** Every setting, in the order of the schema. Made on first use: only a start, `--help` and the docs need it. */
let keys: readonly ConfigKey[] | undefined;
export const configKeys = (): readonly ConfigKey[] => {
  keys ??= keysOf(Config.shape, []);
  return keys;
};
