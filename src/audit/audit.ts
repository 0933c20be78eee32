import type { Vault } from '../vault/index.ts';
import type { AuditEvent } from './event.ts';
import type { AuditPage, AuditQuery } from './page.ts';
import type { Reading } from './watched-vault.ts';

/** Where parts of an instance say what happened. */
export interface Audit {
  /** Records an event: it is on disk within milliseconds, or as soon as the disk takes it. Never throws, never waits. */
  append(event: AuditEvent): void;
  /** Records an event that nothing may happen without, such as the revealing of a credential, and waits until it is on disk. Throws `storage-failed`. */
  appendNow(event: AuditEvent): Promise<void>;
  /** The vault for one job: each credential it reads or changes is recorded first. */
  vaultFor(vault: Vault, reading: Reading): Vault;
  /** Entries that are on disk. */
  page(query: AuditQuery): Promise<AuditPage>;
  /** Why nothing can be written at this moment; null while it can. An instance takes no jobs meanwhile. */
  readonly failure: string | null;
}
