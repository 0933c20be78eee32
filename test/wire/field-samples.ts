/** Arbitrary values of the kinds that fields have, of which the samples of whole messages are made. */
import fc from 'fast-check';
import { type ErrorCode, ErrorCodes } from '../../src/base/errors.ts';
import { formatKeyId, type PeerKeyId } from '../../src/base/ids.ts';
import { STAMP_COUNTER_MAX, STAMP_UNIX_MS_MAX, type Stamp } from '../../src/base/stamp.ts';
import { DUE_ANSWERS } from '../../src/wire/due-message.ts';

// biome-ignore lint/complexity/useRegexLiterals: a literal with control characters is a lint error of its own
const CONTROL = new RegExp('[\\u0000-\\u001f\\u007f\\ufeff]', 'g');
export const printable = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint16Array({ maxLength }).map((units) =>
    String.fromCharCode(...units)
      .replace(CONTROL, '.')
      .toWellFormed(),
  );
export const name = printable(40);
export const id: fc.Arbitrary<PeerKeyId> = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(formatKeyId);
export const count = fc.maxSafeNat();
export const positive = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
export const unixMs = fc.oneof(fc.integer({ min: 0, max: STAMP_UNIX_MS_MAX }), fc.constant(1_750_000_000_000));
export const stamp: fc.Arbitrary<Stamp> = fc.record({
  unixMs,
  counter: fc.integer({ min: 0, max: STAMP_COUNTER_MAX }),
});
export const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
export const nonce = fc.integer({ min: 0, max: 0xffff_ffff });
export const bytes = fc.uint8Array({ maxLength: 400 });
export const jobId = hex(22);
export const orNull = <T>(any: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(any, { nil: null });
export const label = fc.record({ key: name, value: name });
export const errorCode = fc.constantFrom(...(Object.keys(ErrorCodes) as ErrorCode[]));
export const failure = fc.record({ code: errorCode, message: printable(200) });
export const succession = fc.record({
  gatewayUid: name,
  poolKey: id,
  replaced: fc.array(id, { maxLength: 16 }),
  issuedUnixMs: unixMs,
  untilUnixMs: unixMs,
});
/** Messages about what instances ask for by themselves. */
export const ownOrderSamples = {
  'job-keep': fc.record({
    jobId: hex(22),
    parameters: fc.array(fc.record({ name: hex(8), value: hex(8) }), { maxLength: 3 }),
    origin: bytes,
  }),
  'due-claim': fc.record({ recordId: hex(22), dueUnixMs: unixMs }),
  'due-answer': fc.record({
    ...{ recordId: hex(22), dueUnixMs: unixMs, answer: orNull(fc.constantFrom(...DUE_ANSWERS)) },
    ...{ lastUnixMs: unixMs, lastOwner: orNull(id), councilVersion: count },
    council: fc.array(id, { maxLength: 3 }),
  }),
  'dues-told': fc.record({
    dues: fc.array(fc.record({ recordId: hex(22), dueUnixMs: unixMs, owner: id }), { maxLength: 3 }),
  }),
};
