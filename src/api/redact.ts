/**
 * Pure: takes secrets out of a document that leaves the machine. An entry whose name sounds secret is replaced whatever it holds, and so is any text
 * that looks like key material wherever it stands: better one harmless value too many than one key.
 */

const REDACTED = '[redacted]';
const SECRET_NAME =
  /secret|passw|passphrase|private|token|credential|seed|psk|\bkey\b|Key$|authorization|cookie|gateway_config/i;
const PUBLIC_NAME = /^(public.*|.*public[_-]?keys?|adminKeys?|signedBy|key)$/i;
const KEY_TEXT = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const SECRET_LENGTH_MIN = 43;
const LONG_RUN = /[A-Za-z0-9+/_-]{43,}={0,2}/g;
const PEER_ID = /12D3KooW[1-9A-HJ-NP-Za-km-z]{44}/g;
const PATH = /^\/?(?:[a-z][a-z0-9_-]*\/){2}/;
/** Parts of a path are shorter than that on average; 43 random digits in base64 hold four slashes once in 200 times. */
const PATH_PART_MEAN_MAX = 10;
const DEPTH_MAX = 32;

/** A copy of the document without secrets. */
export function redact<T extends Readonly<Record<string, unknown>>>(document: T): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(document).map(([name, value]) => [name, redactEntry(name, value, 0)]));
}

function redactEntry(name: string, value: unknown, depth: number): unknown {
  const secret = SECRET_NAME.test(name) && !PUBLIC_NAME.test(name);
  if (secret && value !== null && typeof value !== 'boolean' && typeof value !== 'number') return REDACTED;
  return redactValue(value, depth);
}

function redactValue(value: unknown, depth: number): unknown {
  if (depth > DEPTH_MAX) return REDACTED;
  if (typeof value === 'string') return redactText(value);
  if (value instanceof Uint8Array) return REDACTED;
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, redactEntry(name, item, depth + 1)]));
}

/** Replaces a whole text that holds a PEM key, and every long run of mixed digits that is no id, address or path of ours. */
function redactText(text: string): string {
  if (KEY_TEXT.test(text)) return REDACTED;
  return text.replace(LONG_RUN, (run) => (looksSecret(run) ? REDACTED : run));
}

/** 32 bytes in base64 have 43 digits or more, of both cases (a decimal digit may be missing); what is left of an address without its peer id is shorter or lower case. */
function looksSecret(run: string): boolean {
  const rest = run.replace(PEER_ID, '');
  if (rest.length < SECRET_LENGTH_MIN || isPath(rest)) return false;
  return /[A-Z]/.test(rest) && /[a-z]/.test(rest);
}

/** A key in base64 may begin like a path by chance; a path goes on like one. */
function isPath(text: string): boolean {
  return PATH.test(text) && text.length / text.split('/').length <= PATH_PART_MEAN_MAX;
}
