import { createHash } from 'node:crypto';
import { GatewayError } from '../../../base/errors.ts';
import { HOST_KEY_LABEL, type HostKeyTrust } from '../../../wire/connection-message.ts';
import type { TargetRecord } from '../../../wire/record.ts';

/** Host keys this instance has seen, by record and address. */
export interface HostKeyBook {
  /** The fingerprint that was added. */
  find(place: string): string | undefined;
  /** Trusts a fingerprint from now on; it is on disk when this returns. Throws `storage-failed`. */
  add(place: string, fingerprint: string): void;
}

/** A host key that is trusted. */
export interface TrustedHostKey {
  readonly fingerprint: string;
  readonly trust: HostKeyTrust;
}

/** As `ssh-keygen -l` shows it. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/**
 * Whether the target is who it was: the pin of the record decides if there is one, else what this instance saw first, which it then keeps. Throws
 * `host-key-changed` with both fingerprints.
 */
export function judgeHostKey(
  key: Uint8Array,
  {
    record,
    pinned,
    book,
  }: { readonly record: TargetRecord; readonly pinned: string | null; readonly book: HostKeyBook },
): TrustedHostKey {
  const fingerprint = fingerprintOf(key);
  const place = `${record.recordId} ${record.host}:${record.port}`;
  const expected = pinned ?? book.find(place);
  if (expected === fingerprint) return { fingerprint, trust: pinned === null ? 'worker' : 'record' };
  if (expected !== undefined) throw changed(record, { expected, fingerprint, isPinned: pinned !== null });
  book.add(place, fingerprint);
  return { fingerprint, trust: 'new' };
}

function changed(
  { title, host, port }: TargetRecord,
  found: { readonly expected: string; readonly fingerprint: string; readonly isPinned: boolean },
): GatewayError {
  const { expected, fingerprint, isPinned } = found;
  const where = isPinned ? 'pinned in the record' : 'seen by this instance before';
  return new GatewayError(
    'host-key-changed',
    `the host key of ${host}:${port} (record "${title}") is ${fingerprint}, but ${expected} is ${where}: somebody may be posing as the target`,
    { remedy: `If the key was changed on purpose: pam record edit … --label ${HOST_KEY_LABEL}=${fingerprint}` },
  );
}
