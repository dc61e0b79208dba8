import { InvalidRequest, KernelId, NotFound } from '#libs/contracts';

/** What an upgrade asks for: `…/kernels/{id}/channels?session_id=S&epoch=E&seen=N`. */
export interface ChannelRequest {
  kernelId: KernelId;
  /** Undefined where the client named none: nobody can come back to that session. */
  sessionId: string | undefined;
  epoch: string | undefined;
  seen: number | undefined;
}

const PATH = /^(?:api|v1)\/kernels\/([^/]+)\/channels$/;
const MAX_SESSION = 200;

/** Throws NotFound for another path, InvalidRequest naming the query field. */
export function parseChannelRequest(url: string, baseUrl: string): ChannelRequest {
  const [path = '', query = ''] = url.split('?', 2);
  const named = path.startsWith(baseUrl) ? PATH.exec(path.slice(baseUrl.length))?.[1] : undefined;
  if (named === undefined) throw new NotFound(`No WebSocket is served at ${path.slice(0, 200)}.`);
  const kernelId = KernelId.safeParse(named);
  if (!kernelId.success) throw new NotFound(`Kernel does not exist: ${named.slice(0, 64)}`);
  const fields = new URLSearchParams(query);
  const sessionId = fields.get('session_id') || undefined;
  if (sessionId !== undefined && sessionId.length > MAX_SESSION) {
    throw invalid('session_id', `must have at most ${MAX_SESSION} characters`);
  }
  return { kernelId: kernelId.data, sessionId, epoch: fields.get('epoch') || undefined, seen: seenOf(fields) };
}

function seenOf(fields: URLSearchParams): number | undefined {
  const text = fields.get('seen');
  if (text === null) return undefined;
  const seen = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seen)) throw invalid('seen', 'must be a whole number');
  return seen;
}

const invalid = (field: string, message: string): InvalidRequest =>
  new InvalidRequest(`${field} ${message}.`, { errors: [{ field, message }] });
