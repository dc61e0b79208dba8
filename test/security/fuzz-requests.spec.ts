import fc from 'fast-check';
import { Beamgate } from '../support/beamgate.js';
import { remove } from '../support/gateway.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { raw } from '../support/raw-http.js';
import { expectNoInsides } from '../support/refusals.js';
import { say } from '../support/say.js';
import { Scope } from '../support/scope.js';
import { Seeded } from '../support/seeded.js';
import { endKernel, listKernels } from '../support/v1.js';

/** BEAMGATE_FULL=1: twenty thousand. */
const REQUESTS = process.env['BEAMGATE_FULL'] === '1' ? 20_000 : 600;
const scope = new Scope();

interface Described {
  paths: Record<string, Record<string, unknown>>;
}

/** Every operation that the two descriptions name, `POST /v1/kernels/{id}/restart` say. */
async function operations(beamgate: Beamgate): Promise<{ method: string; path: string }[]> {
  const described = await Promise.all(
    ['/v1/openapi.json', '/api/swagger.json'].map(
      async (path) => (await raw(beamgate, path)).body as unknown as Described,
    ),
  );
  return described.flatMap(({ paths }) =>
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    ),
  );
}

/** Names that clients may send, so that values go wrong deeper than in the list of names. */
const FIELDS = [
  ...['name', 'env', 'kernelspec', 'id', 'profile', 'priorityClass', 'workingDirectory', 'path', 'type', 'kernel'],
  ...['user', 'scopes', 'groups', 'actAs', 'note', 'ttlSeconds', 'queue', 'KERNEL_ID', 'KERNEL_WORKING_DIR'],
];
const value = fc.oneof(
  fc.anything({ maxDepth: 2, withNullPrototype: false }),
  fc.constantFrom('null', 'python3', '', '..', '\0', -1, 2 ** 53, 1e308, null, true, [], {}, '__proto__', 'kernels'),
);
const jsonOf = (what: unknown): string => {
  try {
    return JSON.stringify(what) ?? '';
  } catch {
    return 'undefined';
  }
};
const body = fc.oneof(
  { arbitrary: fc.dictionary(fc.constantFrom(...FIELDS), value).map(jsonOf), weight: 6 },
  {
    arbitrary: fc.dictionary(fc.constantFrom(...FIELDS), fc.dictionary(fc.constantFrom(...FIELDS), value)).map(jsonOf),
    weight: 3,
  },
  { arbitrary: fc.string({ unit: 'binary' }), weight: 1 },
  { arbitrary: fc.constantFrom('', '{', '[]', 'null', `${'['.repeat(50_000)}`), weight: 1 },
);
/** Letters that a URL may hold as they are; others are escaped, well or badly. */
const segment = fc.oneof(
  fc.uuid(),
  fc.constantFrom('..', '%2e%2e%2f', '%00', '%zz', '%ff%fe', 'null', 'python3', '__proto__', 'constructor', '0'),
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => {
    try {
      return encodeURIComponent(text);
    } catch {
      return '%ed%a0%80';
    }
  }),
);
const query = fc.oneof(
  { arbitrary: fc.constant(''), weight: 3 },
  {
    arbitrary: fc
      .tuple(fc.constantFrom('limit', 'state', 'user', 'owner', 'seen', 'session_id', 'x'), segment)
      .map(([name, text]) => `?${name}=${text}`),
    weight: 2,
  },
);
const headerValue = fc.stringMatching(/^[\x20-\x7e]{0,60}$/);
const headers = fc.dictionary(
  fc.constantFrom('content-type', 'accept', 'x-request-id', 'origin', 'cookie', 'if-none-match', 'x-note', 'range'),
  headerValue,
  { maxKeys: 3 },
);

it(
  `${REQUESTS} requests that nobody should send never are a fault of the service`,
  async () => {
    const { seed } = new Seeded();
    const specs = scope.use(offerNullKernel(), remove);
    const beamgate = scope.use(
      await Beamgate.start({
        config: { scheduling: { maxKernels: 2 }, http: { requestsPerSecond: 1e6, requestBurst: 1e6 } },
        env: { JUPYTER_PATH: specs },
        logName: 'security-fuzz',
      }),
      (one) => one.stop(),
    );
    const known = await operations(beamgate);
    expect(known.length).toBeGreaterThan(25);
    const statuses = new Map<number, number>();
    const asked = fc.record({
      operation: fc.constantFrom(...known),
      method: fc.option(fc.constantFrom('GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'POST'), {
        nil: undefined,
        freq: 8,
      }),
      segments: fc.array(segment, { minLength: 3, maxLength: 3 }),
      query,
      headers,
      body,
    });
    await fc.assert(
      fc.asyncProperty(asked, async (one) => {
        let used = 0;
        const path = one.operation.path.replaceAll(/\{\w+\}/g, () => one.segments[used++] ?? 'x') + one.query;
        const method = one.method ?? one.operation.method;
        const bodied = !['GET', 'HEAD', 'OPTIONS'].includes(method);
        const length = bodied ? { 'content-length': String(Buffer.byteLength(one.body)) } : {};
        const answer = await raw(beamgate, path, {
          method,
          headers: { ...one.headers, ...length },
          ...(bodied ? { body: one.body } : {}),
        });
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        // 503: as many wait as may wait.
        if (answer.status >= 500 && answer.status !== 503) throw new Error(`${answer.status} ${answer.text}`);
        if (!/^\/(kernelspecs|metrics)/.test(path)) expectNoInsides(answer);
      }),
      { seed, numRuns: REQUESTS, verbose: 1 },
    );
    const counted = [...statuses].sort(([one], [other]) => one - other).map(([status, count]) => `${status}: ${count}`);
    say(`seed ${seed}: ${REQUESTS} requests, answered ${counted.join(', ')}`);
    expect((await raw(beamgate, '/readyz')).status).toBe(200);
    const left = (await listKernels(beamgate)).filter(({ phase }) => phase !== 'ended');
    await Promise.all(left.map(({ id }) => endKernel(beamgate, id)));
  },
  60_000 + REQUESTS * 20,
);
