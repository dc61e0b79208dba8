import fc from 'fast-check';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { fuzzedFrames, PROTOCOLS } from '../support/fuzzed-frames.js';
import { remove } from '../support/gateway.js';
import { descriptors, Inspected } from '../support/inspected.js';
import { offerNullKernel } from '../support/null-kernel.js';
import { eventually } from '../support/processes.js';
import type { RawSocket } from '../support/raw-socket.js';
import { say } from '../support/say.js';
import { Scope } from '../support/scope.js';
import { Seeded } from '../support/seeded.js';
import { createKernel, endKernel, inPhase, listKernels } from '../support/v1.js';
import { packFrame, upgraded } from '../support/web-socket-frames.js';

/** BEAMGATE_FULL=1: a hundred thousand. */
const FRAMES = process.env['BEAMGATE_FULL'] === '1' ? 100_000 : 1000;
const TIMEOUT_MS = 60_000 + FRAMES * 6;
const AT_ONCE = 8;
/** A socket is given this many before another is taken, so that later ones find a clean state too. */
const FRAMES_PER_SOCKET = 50;
const GROWTH_BYTES = 8e6;

const scope = new Scope();

it(
  `${FRAMES} malformed frames break nothing, leak nothing and harm no other socket`,
  async () => {
    const { seed } = new Seeded();
    say(`seed ${seed}: ${FRAMES} frames`);
    const specs = scope.use(offerNullKernel(), remove);
    const inspected = await Inspected.prepare();
    const env = { JUPYTER_PATH: specs, ...inspected.env };
    const beamgate = scope.use(await Beamgate.start({ env, logName: 'security-fuzz' }), (one) => one.stop());

    const witnessed = (await createKernel(beamgate, { kernelspec: 'null' })).id;
    await inPhase(beamgate, witnessed, 'ready');
    const witness = await ChannelClient.open(beamgate, witnessed);
    let witnessClosed: number | undefined;
    witness.once('close', (code) => {
      witnessClosed = code;
    });

    let target = '';
    let targets = 0;
    /** A kernel may die of what it is sent; the service may not. */
    const open = async (protocol: string): Promise<RawSocket> => {
      for (;;) {
        const socket =
          target === '' ? undefined : await upgraded(beamgate, `/api/kernels/${target}/channels`, protocol);
        if (socket) return socket;
        const { id } = await createKernel(beamgate, { kernelspec: 'null' });
        await inPhase(beamgate, id, 'ready');
        targets += 1;
        target = id;
      }
    };

    const pour = async (count: number, from: number): Promise<void> => {
      let left = count;
      const one = async (worker: number): Promise<void> => {
        for (let round = 0; left > 0; round += 1) {
          const share = Math.min(left, FRAMES_PER_SOCKET);
          left -= share;
          const socket = await open(PROTOCOLS[(worker + round) % PROTOCOLS.length] as string);
          const sent = fc.sample(fuzzedFrames, { seed: from + worker * 100_003 + round, numRuns: share });
          for (const frames of sent) {
            if (socket.socket.destroyed) break;
            const full = !socket.socket.write(Buffer.concat(frames.map(packFrame)));
            if (full) await socket.taken();
          }
          // One that was not closed for what it sent is ended in the middle of whatever it began.
          await socket.taken();
          socket.end();
          await socket.closed;
        }
      };
      // Opening is one at a time per worker; a new target kernel is made by whoever finds the old one gone.
      await Promise.all(Array.from({ length: AT_ONCE }, (_, worker) => one(worker)));
    };
    const quiet = async (): Promise<number> => {
      const { pid } = beamgate;
      for (const { id, phase } of await listKernels(beamgate)) {
        if (id !== witnessed && phase !== 'ended') await endKernel(beamgate, id);
      }
      target = '';
      await eventually('only the witness is left', async () =>
        (await listKernels(beamgate)).every(({ id, phase }) => id === witnessed || phase === 'ended')
          ? true
          : undefined,
      );
      const atRest = await steady(() => descriptors(pid));
      return atRest;
    };

    await pour(Math.max(FRAMES / 10, 200), seed);
    const openBefore = await quiet();
    const usedBefore = await inspected.usedBytes();
    const began = performance.now();
    for (let part = 0; part < 4; part += 1) {
      await pour(FRAMES / 4, seed + 1 + part);
      expect((await witness.execute('anything')).reply.content['status']).toBe('ok');
    }
    const took = (performance.now() - began) / 1000;
    const openAfter = await quiet();
    const usedAfter = await inspected.usedBytes();
    const ended = (await listKernels(beamgate)).map(({ endReason }) => endReason);
    say(
      `${took.toFixed(0)} s, ${targets} kernels taken for it (${ended.filter((reason) => reason === 'crashed').length} crashed), ` +
        `${((usedAfter - usedBefore) / 1e6).toFixed(1)} MB and ${openAfter - openBefore} descriptors more at the end`,
    );
    expect(beamgate.process.output).not.toMatch(/^\s+at .*\.js:\d+/m);
    expect(witnessClosed).toBeUndefined();
    expect(ended).not.toContain('node-lost');
    // Connections of our own requests come and go.
    expect(openAfter - openBefore).toBeLessThan(10);
    expect(usedAfter - usedBefore).toBeLessThan(GROWTH_BYTES);
  },
  TIMEOUT_MS,
);

/** A figure that has not changed for a second: what closes, closes in its own time. */
async function steady(look: () => number): Promise<number> {
  let last = look();
  let since = Date.now();
  return eventually('the figure is steady', () => {
    const now = look();
    if (now !== last) {
      last = now;
      since = Date.now();
    }
    return Date.now() - since > 1000 ? now : undefined;
  });
}
