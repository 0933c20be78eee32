import { decode as decodeCbor, encode as encodeCbor } from 'cborg';
import { GatewayError } from '../base/errors.ts';
import { type PeerKeyId, parseKeyId } from '../base/ids.ts';
import { STAMP_COUNTER_MAX, STAMP_UNIX_MS_MAX, type Stamp } from '../base/stamp.ts';

/**
 * Codecs: how a value stands on the wire. Messages are CBOR (RFC 8949) in deterministic form; a structure is an array of its
 * fields in declared order, so a field's place is its number. Rules for changing one: append fields only, never
 * reorder or reuse a place; a reader ignores what stands behind the fields it knows. Every codec checks type and
 * range before a value exists.
 */
export interface Codec<T> {
  /** The plain CBOR value of `value`. */
  toWire(value: T): unknown;
  /** The checked value in `raw`; throws `bad-message` naming `path`. */
  fromWire(raw: unknown, path: string): T;
  /** Set for a field that was appended later: what a structure without it means. */
  readonly absent?: { readonly value: T };
}

/** The type a codec reads and writes. */
export type Coded<C> = C extends Codec<infer T> ? T : never;

function refuse(path: string, expected: string): never {
  throw new GatewayError('bad-message', `${path}: expected ${expected}`);
}

/** A whole number from `min` to `max`. */
export function uint(max: number = Number.MAX_SAFE_INTEGER, min = 0): Codec<number> {
  return {
    toWire: (value) => value,
    fromWire: (raw, path) => {
      if (typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= min && raw <= max) return raw;
      return refuse(path, `a whole number from ${min} to ${max}`);
    },
  };
}

/** Text of at most `charactersMax` UTF-16 units without control characters, and without byte-order marks: decoding drops one in front. */
export function text(charactersMax: number): Codec<string> {
  return {
    toWire: (value) => value,
    fromWire: (raw, path) => {
      if (typeof raw !== 'string' || raw.length > charactersMax)
        return refuse(path, `text of at most ${charactersMax} characters`);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
      if (/[\u0000-\u001f\u007f\ufeff]/.test(raw)) return refuse(path, 'text without control characters');
      return raw;
    },
  };
}

/** A byte string with a length between the bounds. */
export function bytes(bound: { readonly min?: number; readonly max: number }): Codec<Uint8Array> {
  const min = bound.min ?? 0;
  return {
    toWire: (value) => value,
    fromWire: (raw, path) => {
      if (raw instanceof Uint8Array && raw.length >= min && raw.length <= bound.max) return raw;
      return refuse(path, `${min} to ${bound.max} bytes`);
    },
  };
}

/** True or false. */
export const bool: Codec<boolean> = {
  toWire: (value) => value,
  fromWire: (raw, path) => (typeof raw === 'boolean' ? raw : refuse(path, 'true or false')),
};

/** One of a fixed list of words, written as its place in the list: append only. */
export function word<const W extends string>(words: readonly W[]): Codec<W> {
  return {
    toWire: (value) => words.indexOf(value),
    fromWire: (raw, path) => {
      const found = typeof raw === 'number' ? words[raw] : undefined;
      return found ?? refuse(path, `a number below ${words.length}`);
    },
  };
}

/** The value or null. */
export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  return {
    toWire: (value) => (value === null ? null : codec.toWire(value)),
    fromWire: (raw, path) => (raw === null ? null : codec.fromWire(raw, path)),
  };
}

/** At most `max` values of one kind. */
export function list<T>(codec: Codec<T>, max: number): Codec<readonly T[]> {
  return {
    toWire: (values) => values.map((value) => codec.toWire(value)),
    fromWire: (raw, path) => {
      if (!Array.isArray(raw) || raw.length > max) return refuse(path, `a list of at most ${max}`);
      return raw.map((item, index) => codec.fromWire(item, `${path}[${index}]`));
    },
  };
}

/**
 * A field appended to a structure that was already in use: where an older writer left it out it has the value `absent`, and where it has that value
 * it is left out again, so that what was written before reads and writes as ever. Only behind all fields that are always there.
 */
export function appended<T>(codec: Codec<T>, absent: T & (string | number | boolean | null)): Codec<T> {
  return { toWire: codec.toWire, fromWire: codec.fromWire, absent: { value: absent } };
}

/** A structure: its fields in this order. */
export function struct<T extends object>(fields: { readonly [K in keyof T]-?: Codec<T[K]> }): Codec<T> {
  const named = Object.entries(fields) as [keyof T, Codec<T[keyof T]>][];
  const entries = named.map(([name, codec]) => ({ name, codec, step: `.${String(name)}` }));
  const needed = entries.findLastIndex(({ codec }) => codec.absent === undefined) + 1;
  const presentIn = (value: T): number => {
    let present = entries.length;
    for (; present > needed; present--) {
      const entry = entries[present - 1];
      const absent = entry?.codec.absent;
      if (entry === undefined || absent === undefined) break;
      if (absent.value !== (value[entry.name] ?? absent.value)) break;
    }
    return present;
  };
  return {
    toWire: (value) => {
      const raw: unknown[] = [];
      const present = presentIn(value);
      for (let index = 0; index < present; index++) {
        const entry = entries[index];
        if (entry !== undefined) raw.push(entry.codec.toWire(value[entry.name]));
      }
      return raw;
    },
    fromWire: (raw, path) => {
      if (!Array.isArray(raw) || raw.length < needed) return refuse(path, `${needed} fields`);
      const value: Partial<T> = {};
      for (let index = 0; index < entries.length; index++) {
        const entry = entries[index];
        if (entry === undefined) continue;
        const { name, codec, step } = entry;
        value[name] =
          index >= raw.length && codec.absent !== undefined
            ? codec.absent.value
            : codec.fromWire(raw[index], path + step);
      }
      return value as T;
    },
  };
}

/** Cases of a union: number on the wire (append only) and codec, by `kind`. */
export type Cases<U extends { readonly kind: string }> = {
  readonly [K in U['kind']]: readonly [number, Codec<Omit<Extract<U, { kind: K }>, 'kind'>>];
};

/** A union discriminated by `kind`: the case's number, then its fields. */
export function union<U extends { readonly kind: string }>(cases: Cases<U>): Codec<U> {
  type AnyCase = readonly [number, Codec<object>];
  const byKind = new Map<string, AnyCase>(Object.entries(cases) as unknown as [string, AnyCase][]);
  const byNumber = new Map([...byKind].map(([kind, [number, codec]]) => [number, { kind, codec }] as const));
  return {
    toWire: (value) => {
      const found = byKind.get(value.kind);
      return found === undefined ? refuse('message', 'a known kind') : [found[0], found[1].toWire(value)];
    },
    fromWire: (raw, path) => {
      const found = Array.isArray(raw) ? byNumber.get(raw[0] as number) : undefined;
      if (found === undefined) return refuse(path, 'a known kind of message');
      return { kind: found.kind, ...found.codec.fromWire((raw as unknown[])[1], `${path}.${found.kind}`) } as U;
    },
  };
}

/** A hybrid stamp: milliseconds, counter. */
export const stamp: Codec<Stamp> = struct<Stamp>({ unixMs: uint(STAMP_UNIX_MS_MAX), counter: uint(STAMP_COUNTER_MAX) });

/** The peer id of an Ed25519 key, as text. */
export const keyId: Codec<PeerKeyId> = {
  toWire: (value) => value,
  fromWire: (raw, path) =>
    (typeof raw === 'string' ? parseKeyId(raw) : undefined) ?? refuse(path, 'the peer id of an Ed25519 key'),
};

/** The bytes of a value. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  return encodeCbor(codec.toWire(value));
}

const STRICT = {
  useMaps: false,
  allowIndefinite: false,
  allowBigInt: false,
  allowInfinity: false,
  allowNaN: false,
} as const;

/** The value in `data`, of at most `sizeMax` bytes; throws `bad-message` whatever the bytes are. */
export function decode<T>(codec: Codec<T>, data: Uint8Array, sizeMax: number): T {
  if (data.length > sizeMax)
    throw new GatewayError('bad-message', `message of ${data.length} bytes; the limit is ${sizeMax}`);
  let raw: unknown;
  try {
    raw = decodeCbor(data, STRICT);
  } catch (cause) {
    throw new GatewayError('bad-message', 'message is not valid CBOR', { cause });
  }
  return codec.fromWire(raw, 'message');
}
