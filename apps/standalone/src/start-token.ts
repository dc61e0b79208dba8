import type { BuiltInIssuer } from '#libs/auth';
import type { CommandClient } from '#libs/bus';
import { GatekeeperCommands } from '#libs/contracts';
import { localUser } from '#libs/platform';
import type { TokenReader } from '#libs/store';

const NOTE = 'printed by npm start';

/** The token of who started the service: the same one at each start until it is revoked. */
export async function startToken(
  tokens: TokenReader,
  issuer: BuiltInIssuer,
  gatekeeper: CommandClient,
): Promise<string> {
  const user = localUser();
  const known = (await tokens.list()).find((row) => row.note === NOTE && row.user === user && row.revokedAt === null);
  if (known) return issuer.sign(known);
  const wish = { user, scopes: ['kernels', 'admin'] as const, note: NOTE };
  const { token } = await issuer.issueToken(wish, user, (row) => gatekeeper.send(GatekeeperCommands.createToken, row));
  return token;
}
