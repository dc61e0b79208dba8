import fc from 'fast-check';
import { Beamgate } from '../support/beamgate.js';
import { ChannelClient } from '../support/channel-client.js';
import { fuzzedEnding, fuzzedFrames, PROTOCOLS } from '../support/fuzzed-frames.js';
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
    // Every frame is to be read: none ends its socket but the last.
    const config = { channels: { maxMalformed: FRAMES } };
    const beamgate = scope.use(await Beamgate.start({ config, env, logName: 'security-fuzz' }), (one) => one.stop());

    const witnessed = (await createKernel(beamgate, { kernelspec: 'null' })).id;
    await inPhase(beamgate, witnessed, 'ready');
    const witness = await ChannelClient.open(beamgate, witnessed);
    let witnessClosed: number | undefined;
    witness.once('close', (code) => {
      witnessClosed = code;
    });

    let target: Promise<string> | undefined;
    let targets = 0;
    const make = async (): Promise<string> => {
      const { id } = await createKernel(beamgate, { kernelspec: 'null' });
      await inPhase(beamgate, id, 'ready');
      targets += 1;
      return id;
    };
    /** A kernel may die of what it is sent, or be told to end; the service may not. */
    const open = async (protocol: string): Promise<RawSocket> => {
      for (;;) {
        target ??= make();
        const asked = target;
        const socket = await upgraded(beamgate, `/api/kernels/${await asked}/channels`, protocol);
        if (socket) return socket;
        if (target === asked) target = undefined;
      }
    };

    const pour = async (count: number, from: number): Promise<void> => {
      let left = count;
      const one = async (worker: number): Promise<void> => {
        for (let round = 0; left > 0; round += 1) {
          const share = Math.min(left, FRAMES_PER_SOCKET);
          left -= share;
          const socket = await open(PROTOCOLS[(worker + round) % PROTOCOLS.length] as string);
          const sample = { seed: from + worker * 100_003 + round, numRuns: share - 1 };
          for (const frames of fc.sample(fuzzedFrames, sample)) {
            socket.socket.write(Buffer.concat(frames.map(packFrame)));
            await socket.taken();
          }
          for (const last of fc.sample(fuzzedEnding, { ...sample, numRuns: 1 })) socket.send(packFrame(last));
          await socket.finish();
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, (_, worker) => one(worker)));
    };
    const quiet = async (): Promise<number> => {
      const { pid } = beamgate;
      for (const { id, phase } of await listKernels(beamgate)) {
        if (id !== witnessed && phase !== 'ended') await endKernel(beamgate, id);
      }
      target = undefined;
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
    const crashed = ended.filter((reason) => reason === 'crashed').length;
    say(
      `${took.toFixed(0)} s, ${targets} kernels taken for it (${crashed} crashed), ` +
        `${((usedAfter - usedBefore) / 1e6).toFixed(1)} MB and ${openAfter - openBefore} descriptors more at the end`,
    );
    expect(beamgate.process.output).not.toMatch(/^\s+at .*\.js:\d+/m);
    expect(witnessClosed).toBeUndefined();
    expect(ended).not.toContain('node-lost');
    // The agent of a kernel that crashed stays a while for its restart; connections of our own requests come and go.
    expect(openAfter - openBefore).toBeLessThan(crashed + 5);
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
