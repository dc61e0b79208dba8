import fc from 'fast-check';
import type { WireFrame } from './web-socket-frames.js';
import { encodeLegacy, encodeV1 } from './wire.js';

export const PROTOCOLS = ['', 'v1.kernel.websocket.jupyter.org', 'v1.numbered.beamgate.org'] as const;

/** Numbers that offsets, counts and lengths go wrong by. */
const EDGES = [0, 1, 7, 8, 127, 255, 4096, 65_535, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const json = fc.oneof(
  fc.json(),
  fc.constantFrom('', '{', 'null', '[]', '"x"', '1e999', '{"a":'.repeat(2000), '['.repeat(50_000), '{"__proto__":{}}'),
);
const header = fc.record(
  {
    msg_id: fc.oneof(fc.uuid(), fc.string(), fc.constant(''), fc.integer(), fc.constant(null)),
    msg_type: fc.oneof(
      fc.constantFrom('execute_request', 'kernel_info_request', 'shutdown_request', 'comm_open', 'input_reply'),
      fc.string(),
      fc.constant(null),
    ),
    session: fc.oneof(fc.uuid(), fc.anything()),
    username: fc.anything(),
    date: fc.oneof(fc.constant('2026-01-01T00:00:00Z'), fc.anything()),
    version: fc.oneof(fc.constant('5.3'), fc.anything()),
  },
  { requiredKeys: [] },
);
const message = fc.record({
  channel: fc.oneof({ arbitrary: fc.constantFrom('shell', 'control', 'stdin'), weight: 3 }, fc.string()),
  header: header as fc.Arbitrary<Record<string, unknown>>,
  parent_header: fc.constantFrom({}, { msg_id: 'x' }),
  metadata: fc.constantFrom({}, { deep: { deeper: [] } }),
  content: fc.constantFrom({}, { code: 'x', silent: false }, { code: 7 }),
  buffers: fc.array(
    fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 3 },
  ),
});
const bytesOf = (frame: string | Buffer): Buffer => Buffer.from(frame as Buffer);
/** `JSON.stringify` throws on BigInt and the like, which no client could send. */
const encoded = (encode: (one: never) => string | Buffer) =>
  message.map((one) => {
    try {
      return bytesOf(encode(one as never));
    } catch {
      return Buffer.from('{}');
    }
  });
const numbered = fc.tuple(fc.bigInt(0n, 2n ** 64n - 1n), encoded(encodeV1)).map(([number, frame]) => {
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(number);
  return Buffer.concat([word, frame]);
});
const valid = fc.oneof(encoded(encodeV1), encoded(encodeLegacy), numbered);

/** Cuts, flips and words overwritten by numbers that are too large, too small, or out of order. */
const mutated = fc
  .tuple(
    valid,
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.constantFrom(...EDGES), fc.nat(255)), { maxLength: 4 }),
  )
  .map(([frame, changes]) => {
    let bytes = Buffer.from(frame);
    for (const [where, kind, word, byte] of changes) {
      if (bytes.length < 16) break;
      const at = where % (bytes.length - 8);
      if (kind === 0) bytes = bytes.subarray(0, at);
      else if (kind === 1) bytes[at] = byte;
      else if (kind === 2) bytes.writeUInt32LE(word, at - (at % 8));
      else bytes.writeUInt32BE(word, at - (at % 4));
    }
    return bytes;
  });

const payload: fc.Arbitrary<Uint8Array> = fc.oneof(
  { arbitrary: mutated, weight: 6 },
  { arbitrary: json.map((text) => Buffer.from(text)), weight: 2 },
  { arbitrary: fc.uint8Array({ maxLength: 300 }), weight: 2 },
);

const data = (opcode: fc.Arbitrary<number>) =>
  fc.record<WireFrame>({
    fin: fc.constant(true),
    reserved: fc.constant(0),
    opcode,
    masked: fc.constant(true),
    payload,
    claimed: fc.constant(undefined),
  });
const odd = fc.oneof(
  fc.constantFrom('1', '999999999', '9007199254740993', '-1', '1e9', 'NaN', '0x10').map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 125 }),
);
/** Pings, and pongs that confirm what was never sent. */
const control = fc
  .tuple(data(fc.constantFrom(9, 10)), odd)
  .map(([frame, bytes]): WireFrame => ({ ...frame, payload: bytes }));
/** Codes that are none, and reasons that are no text. */
const closes = fc
  .tuple(data(fc.constant(8)), fc.nat(65_535), fc.uint8Array({ maxLength: 123 }))
  .map(([frame, code, reason]): WireFrame => ({ ...frame, payload: Buffer.from([code >> 8, code & 255, ...reason]) }));
const fragments = fc
  .tuple(payload, fc.integer({ min: 1, max: 6 }), fc.constantFrom(1, 2))
  .map(([bytes, pieces, opcode]): WireFrame[] =>
    Array.from({ length: pieces }, (_, piece) => ({
      fin: piece === pieces - 1,
      reserved: 0,
      opcode: piece === 0 ? opcode : 0,
      masked: true,
      payload: bytes.subarray((bytes.length / pieces) * piece, (bytes.length / pieces) * (piece + 1)),
    })),
  );
/** What breaks RFC 6455 itself. */
const illegal = fc.record<WireFrame>({
  fin: fc.boolean(),
  reserved: fc.nat(7),
  opcode: fc.nat(15),
  masked: fc.boolean(),
  payload: fc.uint8Array({ maxLength: 300 }),
  claimed: fc.option(fc.constantFrom(0, 1, 125, 126, 70_000, 2 ** 31, 2 ** 40), { nil: undefined }),
});

const alone = (frame: fc.Arbitrary<WireFrame>) => frame.map((one) => [one]);
/** One to six frames that go out together, and after which the socket is still open. */
export const fuzzedFrames: fc.Arbitrary<WireFrame[]> = fc.oneof(
  { arbitrary: alone(data(fc.constantFrom(1, 2))), weight: 12 },
  { arbitrary: alone(control), weight: 3 },
  { arbitrary: fragments, weight: 2 },
);
/** The last frame of a socket. */
export const fuzzedEnding: fc.Arbitrary<WireFrame> = fc.oneof({ arbitrary: illegal, weight: 3 }, closes);
