import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import {
  clientMessageFromLegacy,
  clientMessageFromV1,
  isIopub,
  legacyBinary,
  legacyText,
  MalformedMessage,
  Part,
  packNumbered,
  packV1,
  peekV1,
  type RawMessage,
  readLegacy,
  unpackNumbered,
  unpackV1,
} from '../index.js';

const jsonObject = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => Buffer.from(JSON.stringify(value)));
const header = fc
  .record({ msg_id: fc.string({ minLength: 1 }), msg_type: fc.string({ minLength: 1 }), username: fc.string() })
  .map((value) => Buffer.from(JSON.stringify(value)));
const rawMessage: fc.Arbitrary<RawMessage> = fc.record({
  channel: fc.constantFrom('shell', 'control', 'stdin'),
  header,
  parentHeader: jsonObject,
  metadata: jsonObject,
  content: jsonObject,
  buffers: fc.array(
    fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 4 },
  ),
});
const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

const executeRequest = (content: string): RawMessage => ({
  channel: 'shell',
  header: Buffer.from('{"msg_id":"m1","msg_type":"execute_request"}'),
  parentHeader: Buffer.from('{}'),
  metadata: Buffer.from('{}'),
  content: Buffer.from(content),
  buffers: [],
});

const isRefusedOrRead = (read: () => unknown): void => {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedMessage);
  }
};

describe('v1 framing', () => {
  it('gives back every part', () =>
    fc.assert(fc.property(rawMessage, (message) => expect(unpackV1(packV1(message))).toEqual(message))));

  it('peeks at one part without the others', () => {
    const frame = packV1({ ...executeRequest('{"code":"1"}'), channel: 'iopub' });
    expect(peekV1(frame, Part.content).toString()).toBe('{"code":"1"}');
    expect(isIopub(frame)).toBe(true);
    expect(isIopub(packV1(executeRequest('{}')))).toBe(false);
    expect(peekV1(Buffer.from('short'), Part.header)).toHaveLength(0);
  });

  it('refuses any other bytes with a typed error', () =>
    fc.assert(fc.property(anyBytes, (bytes) => isRefusedOrRead(() => clientMessageFromV1(bytes)))));

  it('refuses a frame that is cut anywhere', () => {
    const frame = packV1(executeRequest('{"code":"print(1)"}'));
    for (let end = 0; end < frame.length; end += 1) {
      expect(() => unpackV1(frame.subarray(0, end))).toThrow(MalformedMessage);
    }
  });

  it('refuses a message that a client may not send', () => {
    const frame = packV1({ ...executeRequest('{}'), channel: 'iopub' });
    expect(() => clientMessageFromV1(frame)).toThrow(/iopub/);
  });
});

describe('legacy framings', () => {
  it('carry a message both ways, as text without buffers and as binary with them', () =>
    fc.assert(
      fc.property(rawMessage, (message) => {
        expect(readLegacy(legacyBinary(message))).toEqual(message);
        expect(readLegacy(legacyText(message))).toEqual({ ...message, buffers: [] });
      }),
    ));

  it('write text as jupyter clients expect it', () => {
    const text = JSON.parse(legacyText(executeRequest('{"code":"1"}')).toString());
    expect(text).toEqual({
      channel: 'shell',
      header: { msg_id: 'm1', msg_type: 'execute_request' },
      parent_header: {},
      metadata: {},
      content: { code: '1' },
      buffers: [],
      msg_id: 'm1',
      msg_type: 'execute_request',
    });
  });

  it('never put bytes into a text frame that are not UTF-8', () => {
    const message = { ...executeRequest('{}'), content: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) };
    expect(isUtf8(legacyText(message))).toBe(true);
  });

  it('understand a binary frame whatever its opcode, by its first byte', () => {
    const buffers = [Buffer.from([0xff, 0xfe, 0x00])];
    const read = clientMessageFromLegacy(legacyBinary({ ...executeRequest('{"code":"1"}'), buffers }));
    expect(read.header.msg_type).toBe('execute_request');
    expect(unpackV1(read.frame).buffers).toEqual(buffers);
  });

  it.each([
    ['no channel, no date', '{"header":{"msg_id":"a","msg_type":"t"},"content":{}}'],
    ['buffers as an object', ' {"header":{"msg_id":"a","msg_type":"t"},"buffers":{},"channel":"shell"}'],
    ['content and parent of null', '{"header":{"msg_id":"a","msg_type":"t"},"content":null,"parent_header":null}'],
  ])('accept %s', (_case, text) => {
    const read = clientMessageFromLegacy(Buffer.from(text));
    expect(read.channel).toBe('shell');
    expect(read.message.content.toString()).toBe('{}');
    expect(read.message.parentHeader.toString()).toBe('{}');
  });

  it('pass content on as it was written', () => {
    const text = '{"header":{"msg_id":"a","msg_type":"t"},"content": {"n":12345678901234567890,"s":"\\\\\\"}{"} }';
    const read = clientMessageFromLegacy(Buffer.from(text));
    expect(read.message.content.toString()).toBe('{"n":12345678901234567890,"s":"\\\\\\"}{"}');
  });

  it.each([
    ['', 'not JSON'],
    ['[1]', 'not a JSON object'],
    ['{"content":{}}', 'header is not an object'],
    ['{"header":{"msg_id":"a"}}', 'no msg_type'],
    ['{"header":{"msg_id":1,"msg_type":"t"}}', 'no msg_id'],
    ['{"header":{"msg_id":"a","msg_type":"t"},"content":"x"}', 'content is not an object'],
    ['{"header":{"msg_id":"a","msg_type":"t"},"channel":"iopub"}', 'iopub'],
    ['{"header":{"msg_id":"a","msg_type":"t"},"channel":7}', 'channel is not a string'],
  ])('refuse %s', (text, reason) => {
    expect(() => clientMessageFromLegacy(Buffer.from(text))).toThrow(reason);
    expect(() => clientMessageFromLegacy(Buffer.from(text))).toThrow(MalformedMessage);
  });

  it('refuse any other bytes with a typed error', () =>
    fc.assert(
      fc.property(anyBytes, fc.boolean(), (bytes, binary) =>
        isRefusedOrRead(() => clientMessageFromLegacy(binary ? Buffer.concat([Buffer.of(0), bytes]) : bytes)),
      ),
    ));
});

describe('numbered framing', () => {
  it('gives back number and message', () =>
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), rawMessage, (number, message) => {
        const read = unpackNumbered(packNumbered(number, packV1(message)));
        expect(read.number).toBe(number);
        expect(unpackV1(read.frame)).toEqual(message);
      }),
    ));

  it('refuses a cut or unsafe number', () => {
    expect(() => unpackNumbered(Buffer.alloc(7))).toThrow(MalformedMessage);
    expect(() => unpackNumbered(Buffer.alloc(8, 0xff))).toThrow(MalformedMessage);
  });
});
