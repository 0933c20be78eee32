import { z } from 'zod';
import { type PeerKeyId, parseKeyId } from '../base/ids.ts';
import { NAME_LENGTH_MAX } from '../wire/bounds.ts';
import { explainDialAddress } from './address.ts';
import { ConfigError, type Mistake, showValue, suggestName } from './mistakes.ts';

/**
 * Pure: reading the JSON documents people keep (gateway configuration, profile). Structure comes from zod; every leaf says in its own words what it
 * expects and what to do, because the reader is an operator and not a programmer.
 */

/** Bounds of lists people write. */
export const LISTED_ADDRESSES_MAX = 64;

/** What one leaf expects. */
interface LeafInit<T> {
  /** What it must be, to follow "expected". */
  readonly expected: string;
  readonly remedy: string;
  /** Its value is never shown. */
  readonly secret?: boolean;
  /** The checked value, or undefined. */
  parse(raw: unknown): T | undefined;
}

/** A value checked by one function, with one sentence for whatever is wrong with it. */
export function leaf<T>({ expected, remedy, secret = false, parse }: LeafInit<T>) {
  return z.unknown().transform((raw, context): T => {
    const value = parse(raw);
    if (value !== undefined) return value;
    const problem =
      raw === undefined
        ? `is missing; expected ${expected}`
        : `${secret ? '(not shown)' : showValue(raw)} is wrong; expected ${expected}`;
    context.addIssue({ code: 'custom', message: problem, params: { remedy } });
    return z.NEVER;
  });
}

/** Text for people: names of gateways and of whoever holds a profile. */
export const nameLeaf = leaf({
  expected: `text of 1 to ${NAME_LENGTH_MAX} characters without control characters`,
  remedy: 'Write a short name in quotes.',
  parse: (raw) => (isName(raw) ? raw : undefined),
});

/** A gateway's uid. */
export const uidLeaf = leaf({
  expected: '22 characters of base64url (16 bytes)',
  remedy: 'Take it from the file that "pam gateway new" wrote.',
  parse: (raw) => (typeof raw === 'string' && /^[A-Za-z0-9_-]{21}[AQgw]$/.test(raw) ? raw : undefined),
});

/** The peer id of an admin key. */
export const keyIdLeaf = leaf<PeerKeyId>({
  expected: 'the peer id of an Ed25519 key (52 characters)',
  remedy: 'Take it from the file that "pam gateway new" wrote.',
  parse: (raw) => (typeof raw === 'string' ? parseKeyId(raw) : undefined),
});

/** An address that can be dialled. */
export const addressLeaf = leaf({
  expected: 'HOST:PORT, [IPV6]:PORT or a multiaddr, with a port other than 0',
  remedy: 'Write for example "gateway-1.example.com:7400".',
  parse: (raw) => (typeof raw === 'string' && explainDialAddress(raw) === undefined ? raw : undefined),
});

/** Bytes in base64. */
export function bytesLeaf(init: {
  readonly expected: string;
  readonly remedy: string;
  readonly secret: boolean;
  readonly length?: number;
}) {
  return leaf<Uint8Array>({
    ...init,
    parse: (raw) => {
      const bytes = typeof raw === 'string' ? parseBase64(raw) : undefined;
      const isRight =
        bytes !== undefined && bytes.length > 0 && (init.length === undefined || bytes.length === init.length);
      return isRight ? bytes : undefined;
    },
  });
}

/** A list with bounds on its length and without repetition. */
export function listOf<T>(
  item: z.ZodType<T>,
  bound: { readonly min: number; readonly max: number; readonly remedy: string },
) {
  const expected = `a list of ${bound.min} to ${bound.max}`;
  return z
    .unknown()
    .superRefine((raw, context) => {
      const problem = explainList(raw, bound);
      if (problem === undefined) return;
      context.addIssue({
        code: 'custom',
        message: `${problem}; expected ${expected}`,
        params: { remedy: bound.remedy },
      });
    })
    .pipe(z.array(item));
}

/** True for text that may name something. */
export function isName(raw: unknown): raw is string {
  if (typeof raw !== 'string' || raw.trim() === '' || raw.length > NAME_LENGTH_MAX) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  return !/[\u0000-\u001f\u007f\ufeff]/.test(raw);
}

/** The bytes of standard base64, padded or not, with line breaks as tools insert them; undefined if it is anything else. */
export function parseBase64(text: string): Uint8Array | undefined {
  const compact = text.replace(/\s/g, '').replace(/=+$/, '');
  if (!/^[A-Za-z0-9+/]*$/.test(compact)) return undefined;
  const bytes = Buffer.from(compact, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === compact ? new Uint8Array(bytes) : undefined;
}

/** Base64 text of the bytes. */
export function formatBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** The object in JSON text. `where` names the file; throws `bad-config` without quoting the text, which holds secrets. */
export function parseJsonObject(text: string, where: string): Readonly<Record<string, unknown>> {
  let raw: unknown;
  try {
    raw = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const place = /\(line \d+ column \d+\)/.exec(error instanceof Error ? error.message : '')?.[0] ?? '';
    const remedy = 'Use the file as "pam gateway new" or "pam grant new" wrote it.';
    throw new ConfigError([{ where, problem: `is not JSON ${place}`.trimEnd(), remedy }]);
  }
  if (isObject(raw)) return raw;
  throw new ConfigError([
    { where, problem: `holds ${showValue(raw)}; expected an object`, remedy: 'Name the right file.' },
  ]);
}

/** Refuses another version before anything else is judged: its keys may mean something else. */
export function refuseOtherVersion(raw: Readonly<Record<string, unknown>>, where: string, newest = 1): void {
  const version = raw['version'];
  if (version === 1 || version === newest) return;
  if (typeof version === 'number' && version > newest) {
    const problem = `version: ${version} was written for a newer program; this one reads version ${newest}`;
    throw new ConfigError([{ where, problem, remedy: 'Upgrade this program, or take the file that belongs to it.' }]);
  }
  const problem = `version: ${version === undefined ? 'is missing' : `${showValue(version)} is wrong`}; expected 1`;
  throw new ConfigError([{ where, problem, remedy: 'Name the right file: this one is of another kind.' }]);
}

/** What zod found, in words; `shape` lists the keys that exist, by the path of their object. */
export function mistakesOf(error: z.ZodError, where: string, knownKeys: readonly string[]): readonly Mistake[] {
  return error.issues.flatMap((issue) => issueMistakes(issue, where, knownKeys));
}

function issueMistakes(issue: z.core.$ZodIssue, where: string, knownKeys: readonly string[]): readonly Mistake[] {
  const path = formatPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const meant = suggestName(key, knownKeys);
      const remedy = meant === '' ? 'Remove it.' : `Did you mean "${meant}"?`;
      return { where, problem: `${formatPath([...issue.path, key])}: there is no such key`, remedy };
    });
  }
  const remedy = issue.code === 'custom' ? issue.params?.['remedy'] : undefined;
  if (typeof remedy === 'string') return [{ where, problem: `${path}: ${issue.message}`, remedy }];
  const problem =
    issue.code === 'invalid_type' ? `is missing or of the wrong type; expected ${issue.expected}` : issue.message;
  return [{ where, problem: `${path}: ${problem}`, remedy: 'Take it from the file that "pam gateway new" wrote.' }];
}

function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${showKey(String(part))}`,
    )
    .join('');
}

/** Keys are the file's own text: shortened, so that a secret pasted as a key is not spread. */
function showKey(key: string): string {
  return /^[A-Za-z][A-Za-z0-9_-]{0,31}$/.test(key) ? key : '(not a name)';
}

function explainList(raw: unknown, { min, max }: { readonly min: number; readonly max: number }): string | undefined {
  if (raw === undefined) return 'is missing';
  if (!Array.isArray(raw)) return `${showValue(raw)} is wrong`;
  if (raw.length < min || raw.length > max) return `has ${raw.length} entries`;
  const repeated = raw.find((item, index) => raw.indexOf(item) !== index);
  return repeated === undefined ? undefined : `lists ${showValue(repeated)} twice`;
}

function isObject(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}
