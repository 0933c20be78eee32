/**
 * The embedded vault: credentials sealed to the pool, held by every instance and kept alike by the core. It opens and seals; who may sign, which
 * editions stand and when one is safe is decided in `core/credentials`. It keeps no credential itself.
 */
import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../base/errors.ts';
import { formatRandomId, type PeerKeyId, RANDOM_ID_BYTES } from '../../base/ids.ts';
import type { Secret } from '../../base/secret.ts';
import type { Sign } from '../../base/signing.ts';
import { type AgreementKeys, agreementKeysFromSeed } from '../../base/x25519.ts';
import { type EditionSet, type EntryChange, entriesOf, nextEdition, revisionOf } from '../../core/index.ts';
import type { PoolPort } from '../../pool-port.ts';
import { type CredentialEntry, credentialEditionSeal } from '../../wire/credential.ts';
import { seal } from '../../wire/sealed.ts';
import type { Credential, CredentialChange, CredentialSet, Vault } from '../index.ts';
import { openCredential, sealCredential } from '../sealed-credential.ts';
import { type Resealed, resealCredentials } from './reseal.ts';

/** What the vault is made of. */
export interface EmbeddedVaultInit {
  readonly port: Pick<PoolPort, 'gateway' | 'records' | 'credentials' | 'offerEdition' | 'unixMs'>;
  /** Seeds of the X25519 keys that credentials may be sealed to: that of the present pool secret, then those of former ones. */
  readonly keySeeds: readonly [Secret<Uint8Array>, ...Secret<Uint8Array>[]];
  /** True while new credentials have to be sealed to the second key, because some instances know no other; left out: never. */
  countsFormer?(): boolean;
  /** This instance's key, and the pool's access keys that count, which prove that it is one of the pool. */
  readonly signers: readonly { readonly id: PeerKeyId; readonly sign: Sign }[];
}

/** The vault, and the public key that credentials are sealed to. */
export interface EmbeddedVault extends Vault {
  /** X25519, 32 bytes; another one when a former key counts no more. */
  readonly publicKey: Uint8Array;
  /** See PoolVault. */
  reseal(signal: AbortSignal): Promise<Resealed>;
}

/** Makes the vault of a running instance. */
export function createEmbeddedVault(init: EmbeddedVaultInit): EmbeddedVault {
  const [first, ...others] = init.keySeeds;
  const present = agreementKeysFromSeed(first.reveal());
  return new Embedded(
    init,
    present,
    others.map((seed) => agreementKeysFromSeed(seed.reveal())),
  );
}

class Embedded implements EmbeddedVault {
  readonly name = 'embedded';
  readonly #init: EmbeddedVaultInit;
  readonly #present: AgreementKeys;
  readonly #former: AgreementKeys | undefined;
  readonly #keys: readonly AgreementKeys[];

  constructor(init: EmbeddedVaultInit, present: AgreementKeys, former: readonly AgreementKeys[]) {
    this.#init = init;
    this.#present = present;
    this.#former = former[0];
    this.#keys = [present, ...former];
  }

  get publicKey(): Uint8Array {
    const { publicKey } = this.#present;
    return this.#init.countsFormer?.() === true ? (this.#former?.publicKey ?? publicKey) : publicKey;
  }

  reseal(signal: AbortSignal): Promise<Resealed> {
    const { port, signers } = this.#init;
    return resealCredentials({ port, signers, keys: this.#keys, recipient: this.#present.publicKey }, signal);
  }

  async read(recordId: string, signal: AbortSignal): Promise<CredentialSet> {
    assertGoesOn(signal);
    return this.#open(recordId, this.#editions(recordId));
  }

  async change(
    { recordId, revision }: { readonly recordId: string; readonly revision: string },
    change: CredentialChange,
    signal: AbortSignal,
  ): Promise<CredentialSet> {
    assertGoesOn(signal);
    const from = this.#editions(recordId);
    if (revisionOf(from) !== revision) throw changedMeanwhile(recordId);
    const { gateway } = this.#init.port;
    const unixMs = this.#init.port.unixMs();
    const entryChange = this.#entryChange(recordId, change, unixMs);
    const editionId = newId();
    const at = { gatewayUid: gateway.uid, recordId, editionId, unixMs };
    const sealed = seal(credentialEditionSeal, nextEdition({ ...at, from, change: entryChange }), this.#init.signers);
    const reply = await this.#init.port.offerEdition(sealed, signal);
    if (reply.kind === 'refused') throw new GatewayError(codeOf(reply.failure.code), reply.failure.message);
    const now = this.#editions(recordId);
    // Whoever was quicker since then is shown its own set; this change is in it.
    return this.#open(recordId, now);
  }

  #entryChange(recordId: string, change: CredentialChange, unixMs: number): EntryChange {
    if (change.kind !== 'stage') return change;
    const versionId = newId();
    const context = { gatewayUid: this.#init.port.gateway.uid, recordId, versionId };
    const box = sealCredential(change.credential, this.publicKey, context);
    return { kind: 'stage', entry: { versionId, state: 'pending', box, changedUnixMs: unixMs, jobId: change.jobId } };
  }

  #editions(recordId: string): EditionSet {
    const { records, credentials } = this.#init.port;
    if (records.find(recordId).some((record) => record.recordId === recordId)) return credentials.editions(recordId);
    throw new GatewayError('not-found', `there is no record ${recordId}`);
  }

  #open(recordId: string, editions: EditionSet): CredentialSet {
    const versions = entriesOf(editions).map(({ versionId, state, box, changedUnixMs, jobId }) => ({
      versionId,
      state,
      credential: this.#openBox(recordId, { versionId, box }),
      changedUnixMs,
      jobId,
    }));
    return { recordId, revision: revisionOf(editions), versions: [...versions].sort(byState) };
  }

  #openBox(recordId: string, { versionId, box }: Pick<CredentialEntry, 'versionId' | 'box'>): Credential {
    return openCredential(box, this.#keys, { gatewayUid: this.#init.port.gateway.uid, recordId, versionId });
  }
}

const STATES = ['active', 'pending', 'previous'] as const;

function byState(left: CredentialSet['versions'][number], right: CredentialSet['versions'][number]): number {
  return STATES.indexOf(left.state) - STATES.indexOf(right.state);
}

function newId(): string {
  return formatRandomId(randomBytes(RANDOM_ID_BYTES));
}

function assertGoesOn(signal: AbortSignal): void {
  if (signal.aborted)
    throw new GatewayError('cancelled', 'given up before the vault was asked', { cause: signal.reason });
}

function changedMeanwhile(recordId: string): GatewayError {
  return new GatewayError('vault-conflict', `the credential of record ${recordId} has changed meanwhile`, {
    remedy: 'Read it again, and decide anew.',
  });
}

/** What the contract promises; anything else the core says means that the vault could not do it. */
function codeOf(code: string): 'not-found' | 'vault-conflict' | 'vault-unavailable' | 'cancelled' {
  return code === 'not-found' || code === 'vault-conflict' || code === 'cancelled' ? code : 'vault-unavailable';
}
