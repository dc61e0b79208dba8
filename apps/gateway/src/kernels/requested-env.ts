import { type FieldError, InvalidRequest } from '#libs/contracts';
import { matchesName } from '#libs/platform';

/** Meant for pods, or decided here: a client can't set them, and on the dialect's paths they are left out. */
const NOT_FOR_CLIENTS = [
  'KERNEL_NAMESPACE',
  'KERNEL_POD_NAME',
  'KERNEL_SERVICE_ACCOUNT_NAME',
  'KERNEL_IMAGE',
  'KERNEL_IMAGE_PULL_POLICY',
  'KERNEL_EXECUTOR_IMAGE',
  'KERNEL_VOLUMES',
  'KERNEL_VOLUME_MOUNTS',
  'KERNEL_UID',
  'KERNEL_GID',
  'KERNEL_REMOTE_HOST',
];

export interface RequestedEnv {
  kept: Record<string, string>;
  /** Names that policy does not let through. */
  dropped: string[];
}

/**
 * Which of a request's variables a kernel may get.
 *
 * @param allowed  `kernels.clientEnv`; `KERNEL_*` is always allowed beside it
 * @param field    dotted path of the variables in the request, for messages
 * @throws InvalidRequest for names that are none, and values with a line break or NUL
 */
export const judgeEnv = (
  env: Readonly<Record<string, string>>,
  allowed: readonly string[],
  field: string,
): RequestedEnv => {
  const errors: FieldError[] = [];
  const kept: [string, string][] = [];
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (NOT_FOR_CLIENTS.includes(name) || !matchesName(['KERNEL_*', ...allowed], name)) dropped.push(name);
    else if (!/^[A-Za-z_]\w*$/.test(name))
      errors.push({ field: `${field}.${name}`, message: 'is no name of a variable' });
    else if (/[\r\n\0]/.test(value))
      errors.push({ field: `${field}.${name}`, message: 'has a line break or NUL in it' });
    else kept.push([name, value]);
  }
  if (errors.length > 0) throw invalid(errors);
  return { kept: Object.fromEntries(kept), dropped };
};

/** An InvalidRequest whose sentence is made of the field errors. */
export const invalid = (errors: FieldError[]): InvalidRequest =>
  new InvalidRequest(errors.map(({ field, message }) => `${field} ${message}`).join('; '), { errors });
