import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareBytes,
  compareText,
  concatBytes,
  digestText,
  equalBytes,
  formatHex,
  sha256,
} from '../../src/base/bytes.ts';

const bytes = fc.uint8Array({ maxLength: 6 });
const anyText = fc.uint16Array({ maxLength: 4 }).map((units) => String.fromCharCode(...units));

describe('bytes', () => {
  it('order as Node orders them', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => void expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b))),
    );
  });

  it('are equal exactly when nothing orders them', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => void expect(equalBytes(a, b)).toBe(Buffer.from(a).equals(Buffer.from(b)))),
    );
  });

  it('are joined without loss', () => {
    fc.assert(
      fc.property(
        fc.array(bytes),
        (parts) => void expect(Buffer.from(concatBytes(parts))).toEqual(Buffer.concat(parts)),
      ),
    );
  });

  it('are written as hexadecimal', () => {
    fc.assert(fc.property(bytes, (any) => void expect(formatHex(any)).toBe(Buffer.from(any).toString('hex'))));
  });

  it('have the SHA-256 of the standard', () => {
    expect(formatHex(sha256('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('text', () => {
  it('orders by code unit, whatever the language of the machine', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(Math.sign(compareText(a, b))).toBe(-Math.sign(compareText(b, a)) + 0);
        expect(compareText(a, b) === 0).toBe(a === b);
      }),
    );
    expect(['ä', 'b', 'Z', 'a'].sort(compareText)).toEqual(['Z', 'a', 'b', 'ä']);
  });

  it('has a digest of its parts in their order', () => {
    expect(digestText(['a', 'b'])).toBe(createHash('sha256').update('a\nb').digest('hex').slice(0, 16));
    expect(digestText(['b', 'a'])).not.toBe(digestText(['a', 'b']));
    expect(digestText([])).not.toBe(digestText(['', '']));
  });
});
