import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHeader, encodeSmallFrame, FrameKind, FrameParser } from '../../../src/access/transport/mux-frame.ts';

/** What a parser hands on, with the parts of a data frame joined. */
function parse(chunks: readonly Uint8Array[]): readonly string[] {
  const seen: string[] = [];
  const data = new Map<number, string>();
  const parser = new FrameParser({
    onData: (stream, chunk) => data.set(stream, (data.get(stream) ?? '') + Buffer.from(chunk).toString('hex')),
    onFrame: (kind, stream, body) => seen.push(`${kind}/${stream}/${body.toString('hex')}`),
  });
  for (const chunk of chunks) parser.push(chunk);
  return [...seen, ...[...data].map(([stream, hex]) => `data/${stream}/${hex}`)];
}

/** The bytes cut at arbitrary places. */
function cut(bytes: Uint8Array, places: readonly number[]): readonly Uint8Array[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((left, right) => left - right);
  return [0, ...sorted].map((start, index) => bytes.subarray(start, sorted[index] ?? bytes.length));
}

const frames = Buffer.concat([
  encodeHeader(FrameKind.open, 1, 5),
  Buffer.from('/a/b1'),
  encodeHeader(FrameKind.data, 1, 6),
  Buffer.from('abcdef'),
  encodeSmallFrame(FrameKind.credit, 1, 4096),
  encodeHeader(FrameKind.data, 3, 0),
  encodeHeader(FrameKind.data, 3, 2),
  Buffer.from('xy'),
  encodeSmallFrame(FrameKind.finish, 1),
  encodeSmallFrame(FrameKind.ping, 0, 7),
]);

describe('frames of the multiplexer', () => {
  it('stand on the wire like this for good', () => {
    expect(frames.toString('hex')).toBe(
      '01000005000000012f612f6231' +
        '0200000600000001616263646566' +
        '030000040000000100001000' +
        '0200000000000003' +
        '02000002000000037879' +
        '0400000000000001' +
        '060000040000000000000007',
    );
  });

  it('mean the same wherever the connection cuts them', () => {
    const whole = parse([frames]);
    fc.assert(
      fc.property(fc.array(fc.nat(200)), (places) => {
        expect(parse(cut(frames, places))).toEqual(whole);
      }),
    );
  });

  it.each([
    ['an unknown kind', '0900000000000001'],
    ['kind 0', '0000000000000001'],
    ['too much data', '0201000100000001'],
    ['an open without a protocol', '0100000000000001'],
    ['an open with a protocol that is too long', '0100008100000001'],
    ['credit of another length', '0300000300000001'],
    ['a finish with a body', '0400000100000001'],
  ])('are refused: %s', (_what, hex) => {
    expect(() => parse([Buffer.from(hex, 'hex')])).toThrow(/frame of/);
  });

  it('never make the parser throw anything else, or hand on what has no bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          parse([bytes]);
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-message' });
        }
      }),
    );
  });
});
