/**
 * Pure: one entry of the log, which is one line. The file, the pages that travel and what is exported are the same bytes:
 *
 *   {"sequence":N,"unixMs":T,"previous":"HEX","event":{"kind":…}}
 *   {"sequence":N,"unixMs":T,"previous":"HEX","checkpoint":{"instance":ID,"signature":"BASE64"}}
 *
 * `previous` is SHA-256 of the line before, without its line feed; before the first line stands `genesis`. A checkpoint is signed with the
 * instance's key over the domain, a zero byte and the text `ID\nN\nT\nHEX` of its own line, and through HEX over everything before it.
 */
import { createHash } from 'node:crypto';
import { concatBytes } from '../base/bytes.ts';
import { SIGNATURE_BYTES, type Sign, type Verify } from '../base/signing.ts';
import { signedBytes } from '../wire/sealed.ts';
import { ENTRY_BYTES_MAX } from './bounds.ts';
import type { AuditEvent } from './event.ts';
import { screen, type WrittenEvent } from './screen.ts';

/** What every entry has. */
interface Linked {
  /** From 1, without gaps. */
  readonly sequence: number;
  /** Wall clock of the instance. */
  readonly unixMs: number;
  /** Hash of the line before. */
  readonly previous: string;
}

/** An entry, as it is read. */
export type AuditEntry =
  | (Linked & { readonly event: WrittenEvent; readonly checkpoint?: undefined })
  | (Linked & { readonly checkpoint: Checkpoint; readonly event?: undefined });

/** The instance's word for everything before. */
export interface Checkpoint {
  readonly instance: string;
  /** Base64. */
  readonly signature: string;
}

/** Domain of a checkpoint's signature. */
export const CHECKPOINT_DOMAIN = 'pam-mesh/1/audit-checkpoint';
const GENESIS_DOMAIN = 'pam-mesh/1/audit-genesis';
const HASH = /^[0-9a-f]{64}$/;

/** What `previous` says in the first line of an instance's log. */
export function genesis(instanceId: string): string {
  return hashLine(`${GENESIS_DOMAIN}\n${instanceId}`);
}

/** What the next line says of this one. */
export function hashLine(line: string | Uint8Array): string {
  return createHash('sha256').update(line).digest('hex');
}

/** Lines with a line feed between them: what `audit-torn` gives the hash of. */
export function joinLines(lines: readonly Uint8Array[]): Uint8Array {
  return concatBytes(lines.flatMap((line, index) => (index === 0 ? [line] : [new Uint8Array([0x0a]), line])));
}

/** The line of an event. */
export function formatEvent(linked: Linked, event: AuditEvent): string {
  const { sequence, unixMs, previous } = linked;
  return JSON.stringify({ sequence, unixMs, previous, event: screen(event) });
}

/** The line of a checkpoint. */
export function formatCheckpoint(linked: Linked, signer: { readonly instanceId: string; readonly sign: Sign }): string {
  const { sequence, unixMs, previous } = linked;
  const signature = Buffer.from(signer.sign(checkpointBytes(linked, signer.instanceId))).toString('base64');
  return JSON.stringify({ sequence, unixMs, previous, checkpoint: { instance: signer.instanceId, signature } });
}

/** True when the instance signed this checkpoint. */
export function isSigned(entry: AuditEntry, instanceId: string, verify: Verify): boolean {
  if (entry.checkpoint === undefined || entry.checkpoint.instance !== instanceId) return false;
  const signature = new Uint8Array(Buffer.from(entry.checkpoint.signature, 'base64'));
  return signature.length === SIGNATURE_BYTES && verify(instanceId, checkpointBytes(entry, instanceId), signature);
}

function checkpointBytes({ sequence, unixMs, previous }: Linked, instanceId: string): Uint8Array {
  return signedBytes(CHECKPOINT_DOMAIN, new TextEncoder().encode([instanceId, sequence, unixMs, previous].join('\n')));
}

/** The entry in a line; undefined for anything else. */
export function parseEntry(line: string): AuditEntry | undefined {
  if (line.length > ENTRY_BYTES_MAX) return undefined;
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isEntry(raw) ? raw : undefined;
}

function isEntry(raw: unknown): raw is AuditEntry {
  if (!isObject(raw)) return false;
  const { sequence, unixMs, previous, event, checkpoint } = raw;
  if (!isCount(sequence) || !isCount(unixMs) || typeof previous !== 'string' || !HASH.test(previous)) return false;
  if (checkpoint === undefined)
    return isObject(event) && typeof event['kind'] === 'string' && Object.values(event).every(isScalar);
  if (event !== undefined || !isObject(checkpoint)) return false;
  return typeof checkpoint['instance'] === 'string' && typeof checkpoint['signature'] === 'string';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isScalar(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
