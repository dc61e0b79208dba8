import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { OidcServer } from '#libs/testing';
import { Beamgate } from '../support/beamgate.js';
import { remove, temporaryFolder } from '../support/gateway.js';
import { Lab, run } from '../support/lab.js';
import { NotebookServer } from '../support/notebook-server.js';
import { Scope } from '../support/scope.js';
import { createToken } from '../support/v1.js';

jest.setTimeout(60_000);

/** A notebook server whose token in the configuration is worth nothing. */
describe('a token renewer of the add-on', () => {
  const scope = new Scope();
  let oidc: OidcServer;
  let beamgate: Beamgate;

  beforeAll(async () => {
    jest.spyOn(console, 'warn').mockImplementation(() => {});
    jest.spyOn(console, 'info').mockImplementation(() => {});
    oidc = scope.use(await OidcServer.start({ groups: ['staff'] }), (one) => one.stop());
    const auth = { issuers: [{ issuer: oidc.url }] };
    beamgate = scope.use(await Beamgate.start({ config: { auth } }), (one) => one.stop());
  });
  afterAll(() => {
    jest.restoreAllMocks();
  });

  const labWith = async (renewer: string, env: Record<string, string>): Promise<Lab> => {
    const server = scope.use(
      await NotebookServer.start({
        gateway: { url: beamgate.url, token: 'expired long ago' },
        addOn: true,
        env: { JUPYTER_GATEWAY_TOKEN_RENEWER_CLASS: `beamgate_jupyter_server.${renewer}`, ...env },
      }),
      (one) => one.stop(),
    );
    return scope.use(new Lab(server), (one) => one.dispose());
  };

  it('takes the token from a file, and the next one when the file changes', async () => {
    const file = join(scope.use(temporaryFolder('token'), remove), 'token');
    const [first, second] = await Promise.all(['ana', 'ana'].map((user) => createToken(beamgate, { user })));
    writeFileSync(file, `${first?.token}\n`);
    const lab = await labWith('TokenFileRenewer', { BEAMGATE_TOKEN_FILE: file });
    const kernel = await lab.open('file.ipynb');
    expect(await run(kernel, 'print("first")')).toBe('first\n');
    writeFileSync(file, `${second?.token}\n`);
    // Revoked, the first one's socket is closed; the next is opened with the second.
    const revoked = await fetch(`${beamgate.url}/v1/tokens/${first?.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${beamgate.token}` },
    });
    expect(revoked.status).toBe(204);
    expect(await run(kernel, 'print("second")')).toBe('second\n');
    rmSync(file);
    await kernel.shutdown();
  });

  it("fetches it from an OIDC provider by the client's credentials", async () => {
    const lab = await labWith('OidcTokenRenewer', {
      BEAMGATE_OIDC_TOKEN_URL: `${oidc.url}/token`,
      BEAMGATE_OIDC_CLIENT_ID: 'pipeline',
      BEAMGATE_OIDC_CLIENT_SECRET: 'secret',
      BEAMGATE_OIDC_RESOURCE: 'urn:beamgate',
    });
    const kernel = await lab.open('oidc.ipynb');
    expect(await run(kernel, 'print("fetched")')).toBe('fetched\n');
    await kernel.shutdown();
  });
});
