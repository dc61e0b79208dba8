import { NUMBERED_PROTOCOL, V1_PROTOCOL } from '#libs/jupyter';
import type { ClientFraming } from './client-framing.js';
import { LegacyFraming } from './legacy-framing.js';
import { NumberedFraming } from './numbered-framing.js';
import { TornadoFraming } from './tornado-framing.js';
import { V1Framing } from './v1-framing.js';

/** The subprotocol to answer with, of those a client offers; false for none. */
export function chooseProtocol(offered: ReadonlySet<string>): string | false {
  return [NUMBERED_PROTOCOL, V1_PROTOCOL].find((protocol) => offered.has(protocol)) ?? false;
}

/** Notebook servers are known by the User-Agent of Tornado's client, which always sends one. */
export function framingFor(protocol: string, userAgent: string | undefined): ClientFraming {
  if (protocol === NUMBERED_PROTOCOL) return new NumberedFraming();
  if (protocol === V1_PROTOCOL) return new V1Framing();
  return userAgent?.startsWith('Tornado') ? new TornadoFraming() : new LegacyFraming();
}
