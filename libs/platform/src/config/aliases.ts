import { commaList } from './parse-value.js';

/** A variable of Enterprise Gateway that means the same here. `EG_X` wins over its older form `KG_X`. */
export interface Alias {
  /** Without `EG_` or `KG_`. */
  suffixes: readonly string[];
  key: string;
  /** Where the meaning differs a little. */
  note?: string;
  /** Makes our text or value of theirs; undefined leaves the key unset. Default: the text as it is. `other`: another of its variables. */
  read?: (text: string, defaultValue: unknown, other: (suffix: string) => string | undefined) => unknown;
}

/** `a,b`, `["a","b"]` and the Python form `['a','b']`, as its start scripts write them. */
const looseList = (text: string): string[] =>
  commaList(text.replaceAll(/[[\]]/g, ''))
    .map((item) => item.replace(/^(['"])(.*)\1$/, '$2'))
    .filter((item) => item !== '' && item !== 'null');

const slashed = (text: string): string => `/${text.split('/').filter(Boolean).join('/')}/`.replace('//', '/');

const notNegative = (text: string): string => (Number(text) < 0 ? '0' : text);
const isTrue = (text: string): boolean => /^(true|1|yes|on)$/i.test(text);

const positive = (text: string): unknown => (Number(text) < 0 ? undefined : text);

export const ALIASES: readonly Alias[] = [
  { suffixes: ['IP'], key: 'host' },
  { suffixes: ['PORT'], key: 'port' },
  { suffixes: ['BASE_URL'], key: 'baseUrl', read: slashed },
  { suffixes: ['AUTH_TOKEN'], key: 'auth.staticToken' },
  {
    suffixes: ['AUTHORIZED_USERS'],
    key: 'auth.authorizedUsers',
    note: 'matched on the proven user, not on `KERNEL_USERNAME`',
    read: looseList,
  },
  {
    suffixes: ['UNAUTHORIZED_USERS'],
    key: 'auth.unauthorizedUsers',
    note: 'matched on the proven user, not on `KERNEL_USERNAME`',
    read: looseList,
  },
  {
    suffixes: ['MAX_KERNELS'],
    key: 'scheduling.maxKernels',
    note: 'more wait instead of being refused',
    read: positive,
  },
  {
    suffixes: ['MAX_KERNELS_PER_USER'],
    key: 'scheduling.maxKernelsPerUser',
    note: 'more wait instead of being refused',
    read: positive,
  },
  { suffixes: ['DEFAULT_KERNEL_NAME'], key: 'kernels.defaultKernelspec' },
  {
    suffixes: ['ALLOWED_KERNELS', 'KERNEL_WHITELIST'],
    key: 'kernels.allowedKernelspecs',
    read: looseList,
  },
  {
    suffixes: ['CLIENT_ENVS', 'ENV_WHITELIST'],
    key: 'kernels.clientEnv',
    note: '`KERNEL_*` is always allowed beside it',
    read: (text) => ['KERNEL_*', ...looseList(text)],
  },
  {
    suffixes: ['INHERITED_ENVS', 'ENV_PROCESS_WHITELIST'],
    key: 'kernels.inheritedEnv',
    note: 'added to the default list',
    read: (text, defaultValue) => [...(defaultValue as string[]), ...looseList(text)],
  },
  {
    suffixes: ['KERNEL_LAUNCH_TIMEOUT'],
    key: 'kernels.launchTimeoutSeconds',
    note: 'counted from admission; `KERNEL_LAUNCH_TIMEOUT` of a request can lengthen it',
  },
  { suffixes: ['WS_PING_INTERVAL_SECS'], key: 'channels.pingIntervalSeconds' },
  { suffixes: ['CULL_IDLE_TIMEOUT'], key: 'culling.idleSeconds', read: notNegative },
  {
    suffixes: ['CULL_BUSY'],
    key: 'culling.busySeconds',
    note: 'true: the idle timeout is the limit of busy kernels too',
    read: (text, _, other) => (isTrue(text) ? notNegative(other('CULL_IDLE_TIMEOUT') ?? '0') : undefined),
  },
  { suffixes: ['ALLOW_ORIGIN'], key: 'cors.allowOrigin' },
  { suffixes: ['ALLOW_HEADERS'], key: 'cors.allowHeaders' },
  { suffixes: ['ALLOW_METHODS'], key: 'cors.allowMethods' },
  { suffixes: ['ALLOW_CREDENTIALS'], key: 'cors.allowCredentials' },
  { suffixes: ['MAX_AGE'], key: 'cors.maxAgeSeconds' },
];

/** Variables of Enterprise Gateway whose purpose is met otherwise, with a sentence on how. */
export const NEEDLESS: Readonly<Record<string, string>> = {
  CULL_CONNECTED: 'whether a notebook is open never counts: a kernel ends by its state and use alone',
  CULL_INTERVAL: 'nothing polls: each kernel is looked at when its time has come',
};
