import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/base/bytes.ts';
import { encodeFrameHeader, type Frame, FrameDecoder, FrameKind } from '../../src/mesh/frame.ts';

function encode(payload: Uint8Array): Uint8Array {
  return concatBytes([encodeFrameHeader(FrameKind.direct, payload.length), payload]);
}

function decodeAll(chunks: readonly Uint8Array[]): Frame[] {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  for (const chunk of chunks) decoder.push(chunk, (frame) => frames.push(frame));
  return frames;
}

describe('frames', () => {
  it('have these bytes', () => {
    expect(encode(new Uint8Array([0xab, 0xcd]))).toEqual(new Uint8Array([0, 0, 0, 3, 1, 0xab, 0xcd]));
    expect(encode(new Uint8Array())).toEqual(new Uint8Array([0, 0, 0, 1, 1]));
  });

  it('come out as they went in, however the stream is cut', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
    fc.assert(
      fc.property(payloads, fc.array(fc.nat(2_000), { maxLength: 20 }), (sent, cuts) => {
        const stream = concatBytes(sent.map(encode));
        const ends = [...cuts.map((cut) => cut % (stream.length + 1)), stream.length].sort((a, b) => a - b);
        const chunks = ends.map((end, index) => stream.subarray(index === 0 ? 0 : ends[index - 1], end));
        expect(decodeAll(chunks).map(({ payload }) => payload)).toEqual(sent);
      }),
    );
  });

  it('are copies: what arrives later does not change them', () => {
    const chunk = encode(new Uint8Array([1, 2, 3]));
    const [frame] = decodeAll([chunk]);
    chunk.fill(0);
    expect(frame?.payload).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('of a length out of range are refused before they are kept, those before them handed on', () => {
    for (const length of [0, 1024 * 1024 + 2, 0xffff_ffff]) {
      const bad = new Uint8Array(4);
      new DataView(bad.buffer).setUint32(0, length);
      const frames: Frame[] = [];
      const push = (): void =>
        new FrameDecoder().push(concatBytes([encode(new Uint8Array([9])), bad]), (frame) => frames.push(frame));
      expect(push).toThrow(`frame of ${length} bytes`);
      expect(frames.length).toBe(1);
    }
  });
});
