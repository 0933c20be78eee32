import { decode as decodeCbor, encode as encodeCbor } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/base/errors.ts';
import { appended, decode, encode, nullable, struct, uint } from '../../src/wire/codec.ts';
import { type Direct, directCodec } from '../../src/wire/mesh-message.ts';
import { anyDirect, DIRECT_KINDS, FAMILIES } from './message-samples.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300);

/** Decodes, and fails for anything thrown that is not the one expected error. */
function tryDecode(family: (typeof FAMILIES)[number], bytes: Uint8Array): unknown {
  try {
    return decode(family.codec, bytes, family.bytesMax);
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    expect((error as GatewayError).code).toBe('bad-message');
    return undefined;
  }
}

describe.each(FAMILIES)('$name', (family) => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(family.any, (value) => {
        expect(decode(family.codec, encode(family.codec, value), family.bytesMax)).toEqual(value);
      }),
      { numRuns: RUNS },
    );
  });

  it('has one form only: what was read is written with the same bytes', () => {
    fc.assert(
      fc.property(family.any, (value) => {
        const bytes = encode(family.codec, value);
        expect(encode(family.codec, decode(family.codec, bytes, family.bytesMax))).toEqual(bytes);
      }),
      { numRuns: RUNS },
    );
  });

  it('refuses random bytes with bad-message, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => void tryDecode(family, bytes)),
      { numRuns: RUNS * 3 },
    );
  });

  it('refuses random values with bad-message, whatever they are', () => {
    const anything = fc.anything({
      withNullPrototype: false,
      maxDepth: 4,
      values: [fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.uint8Array()],
    });
    fc.assert(
      fc.property(anything, (value) => void tryDecode(family, encodeCbor(plain(value)))),
      { numRuns: RUNS },
    );
  });

  it('survives any change of its bytes', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(family.any, changes, (value, changed) => {
        const bytes = encode(family.codec, value);
        for (const [place, byte] of changed) bytes[place % bytes.length] = byte;
        tryDecode(family, bytes);
      }),
      { numRuns: RUNS * 2 },
    );
  });

  it('refuses every shorter form of itself', () => {
    fc.assert(
      fc.property(family.any, fc.nat(), (value, cut) => {
        const bytes = encode(family.codec, value);
        expect(tryDecode(family, bytes.slice(0, cut % bytes.length))).toBeUndefined();
      }),
      { numRuns: RUNS },
    );
  });

  it('is not parsed at all above its size', () => {
    const bytes = new Uint8Array(family.bytesMax + 1);
    expect(() => decode(family.codec, bytes, family.bytesMax)).toThrow(
      `message of ${family.bytesMax + 1} bytes; the limit is ${family.bytesMax}`,
    );
  });
});

describe('appended fields', () => {
  it.each(DIRECT_KINDS.map((kind) => ({ kind })))(
    'are ignored by a reader of the present version: $kind',
    ({ kind }) => {
      fc.assert(
        fc.property(anyDirect(kind), fc.jsonValue(), (message, added) => {
          const [number, fields] = decodeCbor(encode(directCodec, message)) as [number, unknown[]];
          const missing = Array.from({ length: fieldsOf(message) - fields.length }, () => null);
          const longer = encodeCbor([number, [...fields, ...missing, added]]);
          expect(decode(directCodec, longer, 1024 * 1024)).toEqual(message);
        }),
        { numRuns: 20 },
      );
    },
  );

  it('are null where an older version left them out', () => {
    const codec = struct<{ readonly a: number; readonly b: number | null; readonly c: number | null }>({
      a: uint(),
      b: appended(nullable(uint()), null),
      c: appended(nullable(uint()), null),
    });
    expect(decode(codec, encodeCbor([1]), 10)).toEqual({ a: 1, b: null, c: null });
    expect(decode(codec, encode(codec, { a: 1, b: null, c: 2 }), 10)).toEqual({ a: 1, b: null, c: 2 });
    expect(() => decode(codec, encodeCbor([]), 10)).toThrow(GatewayError);
  });

  it('are never a reason to accept fewer fields', () => {
    fc.assert(
      fc.property(fc.constantFrom(...DIRECT_KINDS).chain(anyDirect), (message) => {
        const [number, fields] = decodeCbor(encode(directCodec, message)) as [number, unknown[]];
        const shorter = encodeCbor([number, fields.slice(0, fieldsOf(message) - (APPENDED[message.kind] ?? 0) - 1)]);
        expect(() => decode(directCodec, shorter, 1024 * 1024)).toThrow(GatewayError);
      }),
    );
  });
});

/** Fields that were added after the first release, which older versions leave out. */
const APPENDED: { readonly [K in Direct['kind']]?: number } = { forward: 1, resubmit: 1 };

function fieldsOf({ kind: _, ...fields }: Direct): number {
  return Object.keys(fields).length;
}

/** The value without what CBOR cannot hold. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return typeof value === 'symbol' || typeof value === 'function' || typeof value === 'undefined' ? null : value;
}
