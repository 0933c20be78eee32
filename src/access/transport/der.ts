/**
 * Pure: the little DER (ITU-T X.690) that a self-signed certificate needs. Reading trusts nothing: every length is checked against the bytes
 * that are there.
 */

/** Tags of the values used here. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  /** `[0]` and `[3]` of a certificate: version and extensions. */
  explicit0: 0xa0,
  explicit3: 0xa3,
} as const;

/** One value: tag, length, and the parts behind each other. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...encodeLength(content.length)]), content]);
}

/** A value as it was read. */
export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The values in `bytes`, one behind the other; undefined where the bytes are no DER of at most `valuesMax` values. */
export function readDer(bytes: Uint8Array, valuesMax = 16): readonly DerValue[] | undefined {
  const values: DerValue[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const head = readHead(bytes, offset);
    if (head === undefined || values.length === valuesMax) return undefined;
    const end = head.start + head.length;
    if (end > bytes.length) return undefined;
    values.push({ tag: bytes[offset] ?? 0, content: bytes.subarray(head.start, end) });
    offset = end;
  }
  return values;
}

function readHead(bytes: Uint8Array, offset: number): { start: number; length: number } | undefined {
  const first = bytes[offset + 1];
  if (first === undefined) return undefined;
  if (first < 0x80) return { start: offset + 2, length: first };
  const size = first & 0x7f;
  if (size < 1 || size > 2 || offset + 2 + size > bytes.length) return undefined;
  let length = 0;
  for (let place = 0; place < size; place++) length = length * 256 + (bytes[offset + 2 + place] ?? 0);
  return { start: offset + 2 + size, length };
}

function encodeLength(length: number): readonly number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
