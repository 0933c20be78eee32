import { compareText, digestText, formatHex, sha256 } from '../../base/bytes.ts';
import { GatewayError } from '../../base/errors.ts';
import type { Verify } from '../../base/signing.ts';
import { EDITIONS_MAX } from '../../wire/bounds.ts';
import {
  CREDENTIAL_STATES,
  type CredentialEdition,
  type CredentialEntry,
  credentialEditionSeal,
  type Replaced,
} from '../../wire/credential.ts';
import { open } from '../../wire/sealed.ts';

/** A verified edition as it is held: what decides which editions stand, and the envelope. Its entries are read from the envelope when needed. */
export interface HeldEdition {
  readonly recordId: string;
  readonly editionId: string;
  readonly number: number;
  readonly horizon: number;
  readonly replaced: readonly Replaced[];
  /** Of the payload: tells two editions of one id apart, which only a hostile author makes. */
  readonly digest: string;
  readonly sealed: Uint8Array;
}

/** The editions of one record that stand, in the order of their ids: one, or several that were written without knowing of each other. */
export type EditionSet = readonly HeldEdition[];

/** Who may sign editions. */
export interface EditionAuthority {
  readonly uid: string;
  /** True where these signatures of that time are an admin's. */
  readonly signedByAdmin: (signers: readonly string[], signedUnixMs: number) => boolean;
  /** Public halves of the pool's access keys: an instance signs with one of them besides its own key. */
  readonly poolKeys: readonly string[];
}

/** Checks an edition's signatures; throws `bad-message`, or `not-allowed` where it is signed by nobody who may. */
export function verifyEdition(sealed: Uint8Array, authority: EditionAuthority, verify: Verify): HeldEdition {
  const { value, signers, payload } = open(credentialEditionSeal, sealed, verify);
  if (value.gatewayUid !== authority.uid)
    throw new GatewayError('not-allowed', `the credential is for gateway ${value.gatewayUid}`);
  const isAdmins = authority.signedByAdmin(signers, value.changedUnixMs);
  // An instance is named by its own signature; the pool's key proves that it is one.
  const isInstances = signers.length > 1 && signers.some((signer) => authority.poolKeys.includes(signer));
  if (!isAdmins && !isInstances)
    throw new GatewayError(
      'not-allowed',
      'the credential is signed neither by an admin nor by an instance of the pool',
    );
  if (value.horizon >= value.number || value.replaced.some(({ number }) => number >= value.number))
    throw new GatewayError('bad-message', 'the credential replaces editions newer than itself');
  const { recordId, editionId, number, horizon, replaced } = value;
  const digest = formatHex(sha256(payload)).slice(0, 16);
  return { recordId, editionId, number, horizon, replaced, digest, sealed };
}

/**
 * The editions that stand of two sets: all that no other one replaces. Commutative, associative and idempotent: an edition names all it replaces,
 * theirs included, so what has been replaced once is replaced by whatever comes later, and does not come back.
 */
export function mergeEditions(left: EditionSet, right: EditionSet): EditionSet {
  const byId = new Map<string, HeldEdition>();
  for (const edition of [...left, ...right]) {
    const known = byId.get(edition.editionId);
    if (known === undefined || edition.digest > known.digest) byId.set(edition.editionId, edition);
  }
  const all = [...byId.values()];
  return all
    .filter((edition) => !all.some((other) => replaces(other, edition)))
    .sort((a, b) => b.number - a.number || compareText(a.editionId, b.editionId))
    .slice(0, EDITIONS_MAX)
    .sort((a, b) => compareText(a.editionId, b.editionId));
}

/** True if `other` was written knowing of `edition`. */
export function replaces(other: HeldEdition, edition: HeldEdition): boolean {
  if (other.editionId === edition.editionId) return false;
  return edition.number <= other.horizon || other.replaced.some(({ editionId }) => editionId === edition.editionId);
}

/** Names the state of a set: compare-and-set is by it, and so is the comparison of members. */
export function revisionOf(editions: EditionSet): string {
  return digestText(editions.map(({ editionId, digest }) => `${editionId} ${digest}`));
}

/** What an edition says. It was verified when it was taken in; only its bytes are read here. */
export function readEdition({ sealed }: HeldEdition): CredentialEdition {
  return open(credentialEditionSeal, sealed, () => true).value;
}

/**
 * All versions in a set: active first, the newest first within a state. A version that concurrent editions hold in different states is in the one that
 * loses nothing: active before previous before pending.
 */
export function entriesOf(editions: EditionSet): readonly CredentialEntry[] {
  const byId = new Map<string, CredentialEntry>();
  for (const entry of editions.flatMap((edition) => readEdition(edition).entries)) {
    const known = byId.get(entry.versionId);
    if (known === undefined || compareEntries(entry, known) < 0) byId.set(entry.versionId, entry);
  }
  return [...byId.values()].sort(compareEntries);
}

function compareEntries(left: CredentialEntry, right: CredentialEntry): number {
  return (
    CREDENTIAL_STATES.indexOf(right.state) - CREDENTIAL_STATES.indexOf(left.state) ||
    right.changedUnixMs - left.changedUnixMs ||
    compareText(left.versionId, right.versionId) ||
    compareText(formatHex(sha256(left.box)), formatHex(sha256(right.box)))
  );
}
