import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Service {
  url: string;
  /** Empty where every caller is trusted. */
  token: string;
  /** Milliseconds since `npm start` began, where that is known. */
  tookMs: number | undefined;
}

/** Tells programs of this user where the service is: `npm run lab`, `beamgate`. */
export function leaveServiceFile(data: string, { url, token }: Service): { remove(): void } {
  const path = join(data, 'service.json');
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify({ url, token, pid: process.pid })}\n`, { mode: 0o600 });
  return { remove: () => rmSync(path, { force: true }) };
}

/** What a person reads when the service is ready. */
export function announcement({ url, token, tookMs }: Service): string {
  const took = tookMs === undefined ? '' : ` (after ${(tookMs / 1000).toFixed(1)} s)`;
  const identity = token ? ` --GatewayClient.auth_scheme=Bearer --GatewayClient.auth_token=${token}` : '';
  const trust = token
    ? `  token              ${token}`
    : '  WARNING            --auth none: everybody who reaches this address can run code as you';
  return [
    `Beamgate is ready at ${url}${took}`,
    '',
    trust,
    `  notebook server    jupyter lab --gateway-url=${url}${identity}`,
    '  no JupyterLab?     npm run lab',
    `  a token for others npx beamgate token create --user NAME`,
    '  stop               Ctrl-C',
    '',
  ].join('\n');
}
