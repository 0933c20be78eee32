import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/base/errors.ts';
import { decode } from '../../src/wire/codec.ts';
import { FAMILIES } from './message-samples.ts';

const KIB = 1024;

/** Bytes made to hurt a parser, with what they are meant to hurt. */
const HURTFUL: readonly { readonly what: string; readonly bytes: Uint8Array }[] = [
  { what: 'nothing at all', bytes: new Uint8Array() },
  { what: 'arrays nested 60,000 deep', bytes: new Uint8Array(60_000).fill(0x81) },
  {
    what: 'maps nested 30,000 deep',
    bytes: Uint8Array.from({ length: 60_000 }, (_, index) => (index % 2 === 0 ? 0xa1 : 0x00)),
  },
  { what: 'tags nested 60,000 deep', bytes: new Uint8Array(60_000).fill(0xc1) },
  { what: 'an array that claims 2^32 - 1 items', bytes: Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff) },
  { what: 'an array that claims 2^53 items', bytes: Uint8Array.of(0x9b, 0x00, 0x20, 0, 0, 0, 0, 0, 0) },
  { what: 'a byte string that claims 4 GiB', bytes: Uint8Array.of(0x5a, 0xff, 0xff, 0xff, 0xff, 1, 2, 3) },
  { what: 'a text that claims 2^63 bytes', bytes: Uint8Array.of(0x7b, 0x80, 0, 0, 0, 0, 0, 0, 0) },
  { what: 'an array without an end', bytes: new Uint8Array(KIB).fill(0x9f) },
  { what: 'text that is no UTF-8', bytes: Uint8Array.of(0x82, 0x00, 0x81, 0x62, 0xff, 0xfe) },
  { what: 'not a number', bytes: Uint8Array.of(0x82, 0xf9, 0x7e, 0x00, 0x80) },
  { what: 'infinity', bytes: Uint8Array.of(0x82, 0xf9, 0x7c, 0x00, 0x80) },
  { what: 'undefined', bytes: Uint8Array.of(0x82, 0xf7, 0x80) },
  { what: 'a negative number as kind', bytes: Uint8Array.of(0x82, 0x20, 0x80) },
  { what: 'a fraction as kind', bytes: Uint8Array.of(0x82, 0xf9, 0x3c, 0x01, 0x80) },
  {
    what: 'a map with a __proto__ key',
    bytes: Uint8Array.of(0xa1, 0x69, ...new TextEncoder().encode('__proto__'), 0x80),
  },
  { what: 'two values behind each other', bytes: Uint8Array.of(0x80, 0x80) },
];

/** Fields behind the known ones are not looked at: these kinds have none, and so nothing that could be wrong. */
const LENIENT = /^desk-request-/;

describe.each(HURTFUL)('$what', ({ what, bytes }) => {
  const isField = what === 'text that is no UTF-8';
  it.each(FAMILIES.filter(({ name }) => !isField || !LENIENT.test(name)))(
    'is refused as $name, quickly',
    ({ codec, bytesMax }) => {
      const startedAt = performance.now();
      expect(() => decode(codec, bytes, bytesMax)).toThrow(GatewayError);
      expect(performance.now() - startedAt).toBeLessThan(1000);
    },
  );
});
