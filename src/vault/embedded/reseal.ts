import { randomBytes } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';
import { GatewayError } from '../../base/errors.ts';
import { formatRandomId, RANDOM_ID_BYTES } from '../../base/ids.ts';
import type { AgreementKeys } from '../../base/x25519.ts';
import { type EditionSet, entriesOf, nextEdition } from '../../core/index.ts';
import { type CredentialEdition, credentialEditionSeal } from '../../wire/credential.ts';
import { seal } from '../../wire/sealed.ts';
import { isSealedTo, openBox, sealBox } from '../box.ts';
import type { EmbeddedVaultInit } from './index.ts';

/** What sealing anew needs. */
export interface ResealInit extends Pick<EmbeddedVaultInit, 'port' | 'signers'> {
  /** The private keys that boxes may be sealed to. */
  readonly keys: readonly AgreementKeys[];
  /** The public key that they are to be sealed to. */
  readonly recipient: Uint8Array;
}

/** What sealing anew came to. */
export interface Resealed {
  /** Records whose credentials are sealed to the present key now, by this call. */
  readonly resealed: number;
  /** Why the others are not yet; each is tried again with the next call. */
  readonly failures: readonly { readonly recordId: string; readonly reason: string }[];
}

/** Editions that are on their way to the other instances at the same time. */
const AT_ONCE = 8;
/** Records looked at before everything else has its turn. */
const BREATH = 100;
/** Reasons that are told; the rest are alike. */
const FAILURES_MAX = 100;

/**
 * Seals every credential that is sealed to a former key to the present one, by an edition that replaces those that stand. The versions stay what they are. It may
 * be cut off at any point: an edition is offered like any other, and what is not done is found by the next call.
 */
export async function resealCredentials(init: ResealInit, signal: AbortSignal): Promise<Resealed> {
  let resealed = 0;
  let looked = 0;
  const failures: { recordId: string; reason: string }[] = [];
  const waiting = init.port.records.list().values();
  const work = async (): Promise<void> => {
    for (const { recordId } of waiting) {
      if (signal.aborted) return;
      looked += 1;
      if (looked % BREATH === 0) await breathe();
      try {
        if (await resealOne(init, recordId, signal)) resealed += 1;
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        if (failures.length < FAILURES_MAX) failures.push({ recordId, reason: error.message });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { resealed, failures };
}

/** True if there was something to seal anew. Throws `vault-unavailable`, `vault-conflict`. */
async function resealOne(init: ResealInit, recordId: string, signal: AbortSignal): Promise<boolean> {
  const from = init.port.credentials.editions(recordId);
  if (entriesOf(from).every(({ box }) => isSealedTo(box, init.recipient))) return false;
  const sealed = seal(credentialEditionSeal, resealedEdition(init, recordId, from), init.signers);
  const reply = await init.port.offerEdition(sealed, signal);
  if (reply.kind === 'refused') throw new GatewayError('vault-unavailable', reply.failure.message);
  return true;
}

function resealedEdition({ port, keys, recipient }: ResealInit, recordId: string, from: EditionSet): CredentialEdition {
  const gatewayUid = port.gateway.uid;
  const editionId = formatRandomId(randomBytes(RANDOM_ID_BYTES));
  // The frame of an edition that replaces all that stand; the versions are put in as they were.
  const frame = nextEdition({
    gatewayUid,
    recordId,
    editionId,
    unixMs: port.unixMs(),
    from,
    change: { kind: 'clear' },
  });
  const entries = entriesOf(from).map((entry) => {
    if (isSealedTo(entry.box, recipient)) return entry;
    const context = { gatewayUid, recordId, versionId: entry.versionId };
    const plain = openBox(entry.box, keys, context);
    const box = sealBox(plain, recipient, context);
    plain.fill(0);
    return { ...entry, box };
  });
  return { ...frame, entries };
}
