/**
 * Keeper Secrets Manager as the vault: credentials stay in Keeper's records, records of the gateway name theirs by the label `keeper=UID`. It is *not*
 * a copy of Keeper: nothing is kept here but an answer of a moment ago, in memory, so that a burst of sessions on one record is one request.
 *
 * Invariants: a change carries the revision that it was made from, and Keeper refuses it where the record has changed meanwhile. What is staged stands in
 * the record beside the active credential until it is committed, in one rotation, or discarded; so no crash of an instance loses either.
 */
import type { KeeperRecord } from '@keeper-security/secrets-manager-core';
import { GatewayError } from '../../base/errors.ts';
import type { RecordsView } from '../../core/index.ts';
import type { CredentialChange, CredentialSet, CredentialVersion } from '../index.ts';
import type { PoolVault } from '../provider.ts';
import { KeeperService, type KeeperServiceInit } from './keeper-service.ts';
import { newVersionId, readVersions, writeVersions } from './record-fields.ts';

export { postOverHttps } from './keeper-service.ts';

/** What the vault is made of. */
export interface KeeperVaultInit extends KeeperServiceInit {
  readonly records: RecordsView;
  unixMs(): number;
}

/** Label of a gateway's record with the UID of its record in Keeper. */
export const KEEPER_LABEL = 'keeper';
/** How long an answer is used again. */
const FRESH_MS = 1000;
/** Records of which an answer is kept. */
const KEPT_MAX = 1000;

/** Makes the vault of a running instance. */
export function createKeeperVault(init: KeeperVaultInit): PoolVault {
  return new KeeperVault(init);
}

interface Kept {
  readonly record: Promise<KeeperRecord>;
  readonly untilMs: number;
}

class KeeperVault implements PoolVault {
  readonly name = 'keeper';
  /** People write credentials in Keeper, not with pam. */
  readonly publicKey = null;
  readonly #init: KeeperVaultInit;
  readonly #service: KeeperService;
  readonly #kept = new Map<string, Kept>();

  constructor(init: KeeperVaultInit) {
    this.#init = init;
    this.#service = new KeeperService(init);
  }

  async read(recordId: string, signal: AbortSignal): Promise<CredentialSet> {
    assertGoesOn(signal);
    const uid = this.#uidOf(recordId);
    const kept = this.#kept.get(uid);
    if (kept !== undefined && kept.untilMs > this.#init.nowMs())
      return setOf(recordId, await orGivenUp(kept.record, signal));
    const record = this.#fetch(recordId, uid, new AbortController().signal);
    this.#keep(uid, record);
    return setOf(recordId, await orGivenUp(record, signal));
  }

  async change(
    { recordId, revision }: { readonly recordId: string; readonly revision: string },
    change: CredentialChange,
    signal: AbortSignal,
  ): Promise<CredentialSet> {
    assertGoesOn(signal);
    const uid = this.#uidOf(recordId);
    const record = await this.#fetch(recordId, uid, signal);
    const before = setOf(recordId, record);
    if (before.revision !== revision) throw changedMeanwhile(recordId);
    const versions = changeVersions(before.versions, change, this.#init.unixMs());
    writeVersions(record.data, versions);
    this.#kept.delete(uid);
    try {
      if (change.kind === 'commit') await this.#service.rotate(record, signal);
      else await this.#service.update(record, signal);
    } catch (cause) {
      return await this.#settle({ recordId, uid, before, versions, cause });
    }
    return setOf(recordId, await this.#fetch(recordId, uid, signal));
  }

  /** The service refused, or nobody knows whether it has taken the change: the record itself tells. */
  async #settle(failed: {
    readonly recordId: string;
    readonly uid: string;
    readonly before: CredentialSet;
    readonly versions: readonly CredentialVersion[];
    readonly cause: unknown;
  }): Promise<CredentialSet> {
    const { recordId, uid, before, versions, cause } = failed;
    const now = setOf(recordId, await this.#fetch(recordId, uid, new AbortController().signal));
    if (now.revision === before.revision) throw cause;
    if (describe(now.versions) === describe(versions)) return now;
    throw changedMeanwhile(recordId);
  }

  async #fetch(recordId: string, uid: string, signal: AbortSignal): Promise<KeeperRecord> {
    const record = await this.#service.fetch(uid, signal);
    if (record !== undefined) return record;
    throw new GatewayError(
      'not-found',
      `Keeper has no record ${uid} for record ${recordId}, or does not share it with this application`,
      {
        remedy: 'Share it with the Secrets Manager application in Keeper.',
      },
    );
  }

  /** A record of the gateway names its counterpart; without a label it is the one of the same id. */
  #uidOf(recordId: string): string {
    const record = this.#init.records.find(recordId).find((one) => one.recordId === recordId);
    if (record === undefined) throw new GatewayError('not-found', `there is no record ${recordId}`);
    return record.labels.find(({ key }) => key === KEEPER_LABEL)?.value ?? recordId;
  }

  #keep(uid: string, record: Promise<KeeperRecord>): void {
    const oldest = this.#kept.size >= KEPT_MAX ? this.#kept.keys().next().value : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.delete(uid);
    this.#kept.set(uid, { record, untilMs: this.#init.nowMs() + FRESH_MS });
    record.catch(() => this.#kept.delete(uid));
  }
}

function setOf(recordId: string, record: KeeperRecord): CredentialSet {
  const versions = readVersions(record.data, record.revision);
  return { recordId, revision: `${record.recordUid}/${record.revision}`, versions };
}

function changeVersions(
  versions: readonly CredentialVersion[],
  change: CredentialChange,
  unixMs: number,
): readonly CredentialVersion[] {
  if (change.kind === 'stage') {
    const { credential, jobId } = change;
    return [...versions, { versionId: newVersionId(), state: 'pending', credential, changedUnixMs: unixMs, jobId }];
  }
  const named = versions.find(({ versionId }) => versionId === change.versionId);
  if (named === undefined)
    throw new GatewayError('not-found', `there is no version ${change.versionId} of this credential`);
  const others = versions.filter((version) => version !== named);
  if (change.kind === 'commit') {
    const retired = others.map(
      (version): CredentialVersion =>
        version.state === 'active' ? { ...version, state: 'previous', changedUnixMs: unixMs } : version,
    );
    return [{ ...named, state: 'active', changedUnixMs: unixMs }, ...retired];
  }
  if (named.state !== 'active') return others;
  throw new GatewayError('vault-conflict', `version ${change.versionId} is the only active one and is not removed`);
}

function describe(versions: readonly CredentialVersion[]): string {
  return versions
    .map(({ versionId, state }) => `${state} ${versionId}`)
    .sort()
    .join();
}

/** Several readers wait for one answer: who gives up does not end it for the others. */
async function orGivenUp<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new GatewayError('cancelled', 'given up before Keeper answered'));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([answer, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function assertGoesOn(signal: AbortSignal): void {
  if (signal.aborted) throw new GatewayError('cancelled', 'given up before Keeper was asked', { cause: signal.reason });
}

function changedMeanwhile(recordId: string): GatewayError {
  return new GatewayError('vault-conflict', `the credential of record ${recordId} has changed in Keeper meanwhile`, {
    remedy: 'Read it again, and decide anew.',
  });
}
