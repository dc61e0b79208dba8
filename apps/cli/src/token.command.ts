import { Command, InvalidArgumentError } from 'commander';
import type { TokenRow } from '#libs/contracts';
import { type Connection, call } from './client.js';
import { type Column, shown } from './table.js';

const days = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('must be a number of days above 0');
  return value;
};

const date = (instant: number | null) => (instant === null ? null : new Date(instant).toISOString().slice(0, 16));
const COLUMNS: Column<TokenRow>[] = [
  { title: 'ID', of: ({ id }) => id },
  { title: 'USER', of: ({ user }) => user },
  { title: 'SCOPES', of: ({ scopes }) => scopes.join(',') },
  { title: 'ENDS', of: ({ expiresAt }) => date(expiresAt) },
  { title: 'REVOKED', of: ({ revokedAt }) => date(revokedAt) },
  { title: 'NOTE', of: ({ note }) => note },
];

/** `beamgate token create | ls | revoke`: tokens of the built-in issuer. */
export function tokenCommand(connection: () => Connection): Command {
  const token = new Command('token').description('make, list and revoke API tokens');

  token
    .command('create')
    .description('make a token and print it; it is shown this once')
    .requiredOption('--user <name>', 'whose kernels it may start and see')
    .option('--admin', 'may see and end every kernel and make tokens', false)
    .option('--group <name...>', 'groups of the user', [])
    .option('--act-as <group...>', 'a service: groups whose members it may start kernels for, * for everybody', [])
    .option('--days <n>', 'days until it ends; without this it lasts until revoked', days)
    .option('--note <text>', 'what it is for', '')
    .action(async (options) => {
      const made = await call<TokenRow & { token: string }>(connection(), 'POST', 'v1/tokens', {
        user: options.user,
        scopes: options.admin ? ['kernels', 'admin'] : ['kernels'],
        groups: options.group,
        actAs: options.actAs,
        note: options.note,
        ...(options.days === undefined ? {} : { ttlSeconds: Math.round(options.days * 86_400) }),
      });
      process.stdout.write(`${made.token}\n`);
      process.stderr.write(`Token ${made.id} of ${made.user}. End it by: beamgate token revoke ${made.id}\n`);
    });

  token
    .command('ls')
    .description('list tokens')
    .action(async () => {
      const { tokens } = await call<{ tokens: TokenRow[] }>(connection(), 'GET', 'v1/tokens');
      process.stdout.write(shown(tokens, COLUMNS, 'table'));
    });

  token
    .command('revoke <id>')
    .description('end a token at once; sockets opened with it are closed')
    .action((id: string) => call(connection(), 'DELETE', `v1/tokens/${encodeURIComponent(id)}`));

  return token;
}
