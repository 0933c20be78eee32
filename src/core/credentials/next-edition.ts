import { GatewayError } from '../../base/errors.ts';
import { EDITION_BYTES_MAX } from '../../wire/bounds.ts';
import {
  type CredentialEdition,
  type CredentialEntry,
  ENTRIES_MAX,
  REPLACED_MAX,
  type Replaced,
} from '../../wire/credential.ts';
import { type EditionSet, entriesOf } from './edition-set.ts';

/** What is done to the versions of a record's credential. */
export type EntryChange =
  /** A person's word: active at once, what was active becomes previous. */
  | { readonly kind: 'write'; readonly entry: CredentialEntry }
  /** Takes all versions away. */
  | { readonly kind: 'clear' }
  | { readonly kind: 'stage'; readonly entry: CredentialEntry }
  | { readonly kind: 'commit'; readonly versionId: string }
  | { readonly kind: 'discard'; readonly versionId: string };

/** What an edition is made from. */
export interface NextEditionInit {
  readonly gatewayUid: string;
  readonly recordId: string;
  readonly editionId: string;
  readonly unixMs: number;
  /** The editions that stand. */
  readonly from: EditionSet;
  readonly change: EntryChange;
}

/** Previous versions kept, the newest of them. */
export const PREVIOUS_KEPT_MAX = 3;
/** How long a previous version is kept. */
export const PREVIOUS_KEPT_MS = 30 * 24 * 3_600_000;
/** Staged versions at one time. */
export const PENDING_MAX = 4;
/** Room for everything in an edition but its entries and the names of what it replaces. */
const FRAME_BYTES = 512;
/** An entry without its box, and a replaced edition with its name. */
const ENTRY_BYTES = 80;
const REPLACED_BYTES = 36;

/** The edition that replaces those that stand. Throws `not-found`, `vault-conflict` for changes that cannot be made to them. */
export function nextEdition(init: NextEditionInit): CredentialEdition {
  const { gatewayUid, recordId, editionId, unixMs, from } = init;
  const number = 1 + Math.max(0, ...from.map((edition) => edition.number));
  const { replaced, horizon } = replacedBy(from);
  const entries = withinBounds(changeEntries(entriesOf(from), init.change, unixMs), replaced.length);
  return { gatewayUid, recordId, editionId, number, horizon, replaced, entries, changedUnixMs: unixMs };
}

/** The named ones, newest first; older ones fall under the horizon. */
function replacedBy(from: EditionSet): Pick<CredentialEdition, 'replaced' | 'horizon'> {
  const byId = new Map<string, Replaced>();
  for (const { editionId, number, replaced } of from)
    for (const one of [{ editionId, number }, ...replaced]) byId.set(one.editionId, one);
  const all = [...byId.values()].sort((a, b) => b.number - a.number || (a.editionId < b.editionId ? -1 : 1));
  const horizon = Math.max(
    0,
    ...from.map((edition) => edition.horizon),
    ...all.slice(REPLACED_MAX).map(({ number }) => number),
  );
  return { replaced: all.slice(0, REPLACED_MAX).filter(({ number }) => number > horizon), horizon };
}

function changeEntries(
  entries: readonly CredentialEntry[],
  change: EntryChange,
  unixMs: number,
): readonly CredentialEntry[] {
  switch (change.kind) {
    case 'write':
      return [change.entry, ...retire(entries, unixMs)];
    case 'clear':
      return [];
    case 'stage':
      if (entries.filter(({ state }) => state === 'pending').length < PENDING_MAX) return [...entries, change.entry];
      throw new GatewayError('vault-conflict', `${PENDING_MAX} credentials are staged, the most at once`, {
        remedy: 'Settle those of earlier rotations first.',
      });
    case 'commit': {
      const committed = versionIn(entries, change.versionId);
      const others = entries.filter((entry) => entry !== committed);
      return [{ ...committed, state: 'active', changedUnixMs: unixMs }, ...retire(others, unixMs)];
    }
    case 'discard': {
      const discarded = versionIn(entries, change.versionId);
      const active = entries.filter(({ state }) => state === 'active');
      if (active.length !== 1 || active[0] !== discarded) return entries.filter((entry) => entry !== discarded);
      throw new GatewayError('vault-conflict', `version ${change.versionId} is the only active one and is not removed`);
    }
  }
}

function versionIn(entries: readonly CredentialEntry[], versionId: string): CredentialEntry {
  const found = entries.find((entry) => entry.versionId === versionId);
  if (found !== undefined) return found;
  throw new GatewayError('not-found', `there is no version ${versionId} of this credential`);
}

/** What was active becomes previous; of the previous ones the newest are kept, and not for ever. */
function retire(entries: readonly CredentialEntry[], unixMs: number): readonly CredentialEntry[] {
  const previous = entries
    .filter(({ state }) => state !== 'pending')
    .map(
      (entry): CredentialEntry =>
        entry.state === 'active' ? { ...entry, state: 'previous', changedUnixMs: unixMs } : entry,
    )
    .filter(({ changedUnixMs }) => unixMs - changedUnixMs <= PREVIOUS_KEPT_MS)
    .slice(0, PREVIOUS_KEPT_MAX);
  return [...entries.filter(({ state }) => state === 'pending'), ...previous];
}

/** Leaves out the oldest previous versions where an edition would not hold them all. Throws `vault-conflict` if that is not enough. */
function withinBounds(entries: readonly CredentialEntry[], replaced: number): readonly CredentialEntry[] {
  const room = EDITION_BYTES_MAX - FRAME_BYTES - replaced * REPLACED_BYTES;
  const sizeOf = (kept: readonly CredentialEntry[]): number =>
    kept.reduce((sum, { box }) => sum + box.length + ENTRY_BYTES, 0);
  const kept = [...entries];
  while (sizeOf(kept) > room || kept.length > ENTRIES_MAX) {
    const oldest = kept.findLastIndex(({ state }) => state === 'previous');
    if (oldest < 0)
      throw new GatewayError('vault-conflict', `the credentials of this record take more than ${room} bytes`, {
        remedy: 'Settle staged and conflicting credentials first, or use smaller keys.',
      });
    kept.splice(oldest, 1);
  }
  return kept;
}
