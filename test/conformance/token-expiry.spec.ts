import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Beamgate } from '../support/beamgate.js';
import { remove, temporaryFolder } from '../support/gateway.js';
import { cell, Lab, run } from '../support/lab.js';
import { linesOf, numberedLines, printingCell } from '../support/lines.js';
import { NotebookServer } from '../support/notebook-server.js';
import { say } from '../support/say.js';
import { Scope } from '../support/scope.js';
import { createToken } from '../support/v1.js';

const scope = new Scope();
const TTL_SECONDS = 4;
const RENEWER = `
from jupyter_server.gateway.gateway_client import GatewayTokenRenewerBase

class FromFile(GatewayTokenRenewerBase):
    def get_token(self, auth_header_key, auth_scheme, auth_token, **kwargs):
        with open(__file__.replace('renewer.py', 'token')) as file:
            return file.read()
`;

/** A stock notebook server whose tokens live for seconds, with a renewer as jupyter_server lets one name. */
it('a stock notebook server whose token expires comes back by itself with the renewed one', async () => {
  const folder = scope.use(temporaryFolder('renewer'), remove);
  const beamgate = scope.use(await Beamgate.start({ config: { auth: { clockToleranceSeconds: 0 } } }), (one) =>
    one.stop(),
  );
  const renew = async (ttlSeconds: number): Promise<string> => {
    const { token } = await createToken(beamgate, { user: 'ana', ttlSeconds });
    writeFileSync(join(folder, 'token'), token);
    return token;
  };
  writeFileSync(join(folder, 'renewer.py'), RENEWER);
  const server = scope.use(
    await NotebookServer.start({
      gateway: { url: beamgate.url, token: await renew(60) },
      env: { PYTHONPATH: folder, JUPYTER_GATEWAY_TOKEN_RENEWER_CLASS: 'renewer.FromFile' },
    }),
    (one) => one.stop(),
  );
  const lab = scope.use(new Lab(server), (one) => one.dispose());
  await renew(TTL_SECONDS);
  const kernel = await lab.open('expiry.ipynb');
  const sent = cell(kernel, printingCell(1000, 10));
  await sent.until(({ text }) => linesOf(text).length > 50);
  await renew(600);
  expect((await sent.done).status).toBe('ok');
  const lost = server.log.match(/Lost connection to Gateway/g) ?? [];
  say(`the notebook server lost its socket ${lost.length} times in a cell of 10 s`);
  expect(lost.length).toBeGreaterThanOrEqual(1);
  expect([...new Set(linesOf(sent.text))].sort()).toEqual(numberedLines(1000).sort());
  expect(await run(kernel, 'print(6 * 7)')).toBe('42\n');
}, 60_000);
