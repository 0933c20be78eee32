import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareBytes } from '../../src/base/bytes.ts';
import {
  compareIds,
  formatKeyId,
  formatRandomId,
  KEY_ID_LENGTH,
  parseKeyId,
  publicKeyOf,
  RANDOM_ID_BYTES,
} from '../../src/base/ids.ts';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
/** Keys that differ late or hardly: where an order of texts could go another way than that of bytes. */
const similarKeys = fc
  .tuple(key, fc.nat(31), fc.nat(255))
  .map(([bytes, place, byte]): readonly [Uint8Array, Uint8Array] => {
    const other = Uint8Array.from(bytes);
    other[place] = byte;
    return [bytes, other];
  });

describe('an id', () => {
  it('is the text of its key and back', () => {
    fc.assert(fc.property(key, (bytes) => void expect(publicKeyOf(formatKeyId(bytes))).toEqual(bytes)));
  });

  it('is what libp2p calls the peer', () => {
    // Peer id of the Ed25519 test vector in the libp2p specification (peer-ids, "Test vectors").
    const publicKey = Buffer.from('1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e', 'hex');
    expect(formatKeyId(publicKey)).toMatch(/^12D3KooW/);
    expect(formatKeyId(publicKey)).toHaveLength(KEY_ID_LENGTH);
  });

  it('orders as its bytes do', () => {
    fc.assert(
      fc.property(fc.oneof(similarKeys, fc.tuple(key, key)), ([left, right]) => {
        const byText = Math.sign(compareIds(formatKeyId(left), formatKeyId(right)));
        expect(byText).toBe(Math.sign(compareBytes(left, right)));
      }),
      { numRuns: 2000 },
    );
  });

  it('is recognised exactly when it can be decoded', () => {
    const base58 = fc.constantFrom(...'123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz');
    const anyText = fc.oneof(
      fc.string({ minLength: KEY_ID_LENGTH, maxLength: KEY_ID_LENGTH }),
      fc.string({ unit: base58, minLength: KEY_ID_LENGTH, maxLength: KEY_ID_LENGTH }),
      fc
        .string({ unit: base58, minLength: KEY_ID_LENGTH - 8, maxLength: KEY_ID_LENGTH - 8 })
        .map((rest) => `12D3KooW${rest}`),
      fc.string({ maxLength: 60 }),
      fc
        .tuple(key, fc.nat(KEY_ID_LENGTH - 1), fc.string({ minLength: 1, maxLength: 1 }))
        .map(([bytes, place, character]) => {
          const id = formatKeyId(bytes);
          return id.slice(0, place) + character + id.slice(place + 1);
        }),
    );
    fc.assert(
      fc.property(
        anyText,
        (text) => void expect(parseKeyId(text) !== undefined, text).toBe(publicKeyOf(text) !== undefined),
      ),
      { numRuns: 5000 },
    );
  });

  it.each([
    { what: 'nothing', text: '' },
    { what: 'another kind of peer id', text: 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N' },
    { what: 'one character less', text: formatKeyId(new Uint8Array(32)).slice(1) },
    { what: 'one character more', text: `${formatKeyId(new Uint8Array(32))}1` },
    { what: 'a digit that base58 lacks', text: `${formatKeyId(new Uint8Array(32)).slice(0, -1)}0` },
    { what: 'a character beyond ASCII', text: `${formatKeyId(new Uint8Array(32)).slice(0, -1)}é` },
  ])('is not $what', ({ text }) => expect(parseKeyId(text)).toBeUndefined());
});

describe('the id of a job or a record', () => {
  it('is never taken for a flag', () => {
    const random = fc.uint8Array({ minLength: RANDOM_ID_BYTES, maxLength: RANDOM_ID_BYTES });
    fc.assert(fc.property(random, (bytes) => void expect(formatRandomId(bytes)).toMatch(/^[A-Za-f][\w-]{21}$/)));
    expect(formatRandomId(new Uint8Array(RANDOM_ID_BYTES).fill(0xfb))).toMatch(/^e/);
  });
});
