import { type NetworkRange, parseNetworkRange } from '../../base/network-range.ts';
import { LABELS_MAX, NAME_LENGTH_MAX } from '../../wire/bounds.ts';
import type { Label } from '../../wire/member-record.ts';
import { explainDialAddress, type HostPort, parseHostPort } from '../address.ts';
import { isName } from '../document.ts';
import { showValue } from '../mistakes.ts';

/**
 * Pure: what the value of a setting may be. Flags, environment variables and YAML values all become a list of texts first, so that one
 * function per kind decides, whatever the source.
 */

/** What a source may hold for a setting: decides how a flag is declared and which YAML types are right. */
export type ValueForm = 'text' | 'number' | 'switch' | 'list';

/** One kind of value. */
export interface ValueKind<T> {
  readonly form: ValueForm;
  /** What the value must be, as help and error messages say it. */
  readonly expected: string;
  /** What to do when it is wrong, as a sentence. */
  readonly remedy: string;
  /** The value is never shown. */
  readonly secret: boolean;
  /** `texts` has exactly one entry unless the form is `list`. */
  read(texts: readonly string[]): ReadValue<T>;
}

/** A value, or everything wrong with it. */
export type ReadValue<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly string[] };

/** One value of some kind, read from one text; undefined if that is wrong. */
interface SingleInit<T> {
  readonly form?: ValueForm;
  readonly expected: string;
  readonly remedy: string;
  readonly secret?: boolean;
  parse(text: string): T | undefined;
}

function single<T>({ form = 'text', expected, remedy, secret = false, parse }: SingleInit<T>): ValueKind<T> {
  const read = ([text = '']: readonly string[]): ReadValue<T> => {
    const value = parse(text);
    if (value !== undefined) return { ok: true, value };
    return { ok: false, problems: [`${secret ? '(not shown)' : showValue(text)} is wrong; expected ${expected}`] };
  };
  return { form, expected, remedy, secret, read };
}

/** A list, each of its entries checked on its own. */
interface ListInit<T> {
  readonly expected: string;
  readonly remedy: string;
  readonly max: number;
  /** What tells two entries apart. */
  readonly key: (text: string) => string;
  readonly parse: (text: string) => T | undefined;
  readonly explain: (text: string) => string;
}

function list<T>({ expected, remedy, max, key, parse, explain }: ListInit<T>): ValueKind<readonly T[]> {
  const read = (texts: readonly string[]): ReadValue<readonly T[]> => {
    const keys = texts.map(key);
    const repeated = texts.filter((_, index) => keys.indexOf(keys[index] ?? '') !== index);
    const parsed = texts.map((text) => ({ text, value: parse(text) }));
    const problems = [
      ...(texts.length > max ? [`has ${texts.length} entries; at most ${max}`] : []),
      ...repeated.map((text) => `${showValue(key(text))} is given twice`),
      ...parsed.flatMap(({ text, value }) => (value === undefined ? [`${showValue(text)} ${explain(text)}`] : [])),
    ];
    if (problems.length > 0) return { ok: false, problems };
    return { ok: true, value: parsed.flatMap(({ value }) => (value === undefined ? [] : [value])) };
  };
  return { form: 'list', expected, remedy, secret: false, read };
}

/** True or false; as a flag it has no argument. */
export const switchKind: ValueKind<boolean> = single({
  form: 'switch',
  expected: 'true or false',
  remedy: 'Write true or false.',
  parse: (text) => {
    if (/^(?:true|1|yes|on)$/i.test(text)) return true;
    return /^(?:false|0|no|off)$/i.test(text) ? false : undefined;
  },
});

/** A name that people read. */
export const nameKind: ValueKind<string> = single({
  expected: `1 to ${NAME_LENGTH_MAX} characters without control characters`,
  remedy: 'Choose a short name.',
  parse: (text) => (isName(text) ? text : undefined),
});

const PATH_LENGTH_MAX = 4096;

/** A file or directory; not looked at here. */
export const pathKind: ValueKind<string> = single({
  expected: 'a path',
  remedy: 'Name a file or directory.',
  parse: (text) => (text.trim() !== '' && text.length <= PATH_LENGTH_MAX && !text.includes('\0') ? text : undefined),
});

/** Text that is never shown; its content is judged where it is used. */
export const secretKind: ValueKind<string> = single({
  expected: 'base64 of a gateway configuration',
  remedy: 'Set it to the output of: base64 -w0 gateway-config.json',
  secret: true,
  parse: (text) => (text === '' ? undefined : text),
});

/** A whole number within bounds. */
export function integerKind({ min, max }: { readonly min: number; readonly max: number }): ValueKind<number> {
  return single({
    form: 'number',
    expected: `a whole number from ${min} to ${max}`,
    remedy: `Write a number from ${min} to ${max}.`,
    parse: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  });
}

/** One of a few words. */
export function wordKind<const W extends string>(words: readonly W[]): ValueKind<W> {
  const expected = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  const parse = (text: string): W | undefined => words.find((known) => known === text);
  return single({ expected, remedy: `Choose one of ${words.join(', ')}.`, parse });
}

const LISTEN_REMEDY = 'Write for example 0.0.0.0:7400 or [::]:7400; port 0 picks a free one.';

/** Where to listen: port 0 picks a free one. */
export const listenKind: ValueKind<HostPort> = single({
  expected: 'HOST:PORT or [IPV6]:PORT',
  remedy: LISTEN_REMEDY,
  parse: parseHostPort,
});

/** Where to listen, or `off`. */
export const listenOrOffKind: ValueKind<HostPort | null> = single<HostPort | null>({
  expected: 'HOST:PORT, [IPV6]:PORT or off',
  remedy: LISTEN_REMEDY,
  parse: (text) => (text === 'off' ? null : parseHostPort(text)),
});

/** Addresses that somebody else dials. */
export function addressesKind(max: number): ValueKind<readonly string[]> {
  return list({
    expected: 'HOST:PORT, [IPV6]:PORT or a multiaddr, with a port other than 0',
    remedy: 'Write for example gateway-1.example.com:7400 or /ip4/192.0.2.10/tcp/7400.',
    max,
    key: (text) => text,
    parse: (text) => (explainDialAddress(text) === undefined ? text : undefined),
    explain: (text) => explainDialAddress(text) ?? '',
  });
}

/** Networks, each a CIDR or an address of either kind, or the first and last address of IPv4. */
export function rangesKind(max: number): ValueKind<readonly NetworkRange[]> {
  return list({
    expected: 'an IPv4 network or IPv6 network as CIDR, an address, or FIRST-LAST',
    remedy: 'Write for example 10.0.0.0/8 or fd00:1::/64.',
    max,
    key: (text) => text,
    parse: parseNetworkRange,
    explain: () => 'is wrong; expected an IPv4 network or IPv6 network as CIDR, an address, or FIRST-LAST',
  });
}

const LABEL_KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,62})$/;

/** Labels, each `KEY=VALUE`. */
export const labelsKind: ValueKind<readonly Label[]> = list({
  expected: 'KEY=VALUE',
  remedy: 'Write for example site=berlin: a key of at most 63 letters, digits and . _ / -, and a value.',
  max: LABELS_MAX,
  key: (text) => text.split('=')[0] ?? '',
  parse: parseLabel,
  explain: () => 'is wrong; expected KEY=VALUE',
});

function parseLabel(text: string): Label | undefined {
  const at = text.indexOf('=');
  const key = text.slice(0, Math.max(at, 0));
  const value = text.slice(at + 1);
  return LABEL_KEY.test(key) && isName(value) ? { key, value } : undefined;
}
