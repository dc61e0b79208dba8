import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Beamgate } from '../support/beamgate.js';
import { EventStream } from '../support/event-stream.js';
import { call, remove } from '../support/gateway.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { root } from '../support/parts.js';
import { eventually } from '../support/processes.js';
import { raw } from '../support/raw-http.js';
import { expectProblem } from '../support/refusals.js';
import { Scope } from '../support/scope.js';
import { as, createKernel, createToken, endKernel, getKernel, inPhase, v1 } from '../support/v1.js';
import { WaitShown } from '../support/wait-shown.js';

const scope = new Scope();
const specs = scope.use(offerNullKernel(), remove);
const serve = async (config: Record<string, unknown> = {}): Promise<Beamgate> =>
  scope.use(await Beamgate.start({ config, env: { JUPYTER_PATH: specs }, logName: 'conformance-events' }), (one) =>
    one.stop(),
  );
let beamgate: Beamgate;

beforeAll(async () => {
  beamgate = await serve({
    scheduling: { maxKernels: 1 },
    channels: { maxSocketsPerKernel: 2, pingIntervalSeconds: 2 },
    auth: { clockToleranceSeconds: 0 },
  });
}, 60_000);

it('follows a kernel from its wait to its end, in the words of REST, command and cell', async () => {
  const first = await createKernel(beamgate);
  await inPhase(beamgate, first.id, 'ready');
  const { id } = await createKernel(beamgate);
  const why = () =>
    execFileSync(process.execPath, [join(root, 'dist/apps/cli/src/main.js'), '--data', beamgate.data, 'why', id], {
      encoding: 'utf8',
    });
  const shown = scope.use(await WaitShown.open(beamgate, id, why), (all) => all.close());
  const { stream, cell: sent } = shown;
  await shown.alike(/^Queued: position 1 of 1\./);
  expect(stream.events[0]?.kernel).toMatchObject({ id, phase: 'queued', wait: { reason: 'capacity', position: 1 } });
  await stream.until(({ comments }) => comments.length > 0);
  // Nothing that GET would not show.
  expect(Object.keys(stream.last?.kernel ?? {}).sort()).toEqual(Object.keys(await getKernel(beamgate, id)).sort());

  await endKernel(beamgate, first.id);
  await stream.until(({ last }) => last?.kernel.phase === 'ready');
  expect(stream.last?.kernel.wait).toBeNull();
  await sent.until(({ text }) => text === 'ran\n');
  const ids = stream.events.map((event) => Number(event.id));
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  expect(new Set(stream.events.map(({ type }) => type))).toEqual(new Set(['kernel']));

  await endKernel(beamgate, id);
  await stream.ended;
  expect(stream.last?.kernel).toMatchObject({ phase: 'ended', endReason: 'shut-down' });
  // Who comes back to an end hears it, and is told to stay away once it has.
  const again = await EventStream.open(beamgate, id);
  await again.ended;
  expect(again.events.map(({ kernel }) => kernel.phase)).toEqual(['ended']);
  const headers = { 'last-event-id': again.last?.id ?? '' };
  expect((await raw(beamgate, `/v1/kernels/${id}/events`, { headers })).status).toBe(204);
}, 60_000);

it('is for who may see the kernel, as long as the token is good, and not for more at once than may be', async () => {
  const token = (user: string, more: object = {}) => createToken(beamgate, { user, ...more });
  const [good, revoked, brief, other] = [
    await token('ana'),
    await token('ana'),
    await token('ana', { ttlSeconds: 3 }),
    await token('bob'),
  ];
  const ana = as(beamgate, good.token);
  const { id } = await createKernel(ana, { kernelspec: 'null' });
  const path = `/v1/kernels/${id}/events`;
  expectProblem(await raw(as(beamgate, other.token), path), 404, /does not exist/);
  expectProblem(await raw(ana, path, { token: null }), 401, /./);
  const [first, second] = [
    await EventStream.open(as(beamgate, revoked.token), id),
    await EventStream.open(as(beamgate, brief.token), id),
  ];
  const full = await raw(ana, path);
  expectProblem(full, 429, /^2 streams of events are open to this kernel/);
  expect(full.headers['retry-after']).toBe('10');
  await v1(beamgate, `/v1/tokens/${revoked.id}`, { method: 'DELETE' });
  await first.ended;
  expect(first.comments.at(-1)).toBe('the token was revoked');
  expectProblem(await raw(as(beamgate, revoked.token), path), 401, /was revoked/);
  await second.ended;
  expect(second.comments.at(-1)).toBe('the token has expired');
  // Who leaves makes room.
  const third = [await EventStream.open(ana, id), await EventStream.open(ana, id)];
  for (const stream of third) stream.close();
  const last = await eventually('there is room again', () => EventStream.open(ana, id).catch(() => undefined));
  expect((await getKernel(ana, id))['connections']).toBe(0);
  await inPhase(ana, id, 'ready');
  await endKernel(ana, id);
  await last.ended;
  expect((await call(ana, path)).status).toBe(200);
}, 60_000);

it('ends when the service stops, and holds nothing up: the next one tells what became of the kernel', async () => {
  const kept = await serve({ keepKernels: true, http: { drainSeconds: 600 } });
  const { id } = await createKernel(kept, { kernelspec: 'null' });
  await inPhase(kept, id, 'ready');
  const stream = await EventStream.open(kept, id);
  await stream.until(({ events }) => events.length > 0);
  const stopped = kept.process.end('SIGTERM');
  await stream.ended;
  expect(stream.comments.at(-1)).toBe('the gateway restarts');
  expect(await stopped).toBe(0);
  await kept.startAgain();
  const again = await EventStream.open(kept, id);
  await again.until(({ last }) => last?.kernel.phase === 'ready');
  await endKernel(kept, id);
  await again.ended;
}, 60_000);
