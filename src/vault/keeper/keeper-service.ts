import { setTimeout as delay } from 'node:timers/promises';
import {
  completeTransaction,
  getLinks,
  getSecrets2,
  inMemoryStorage,
  type KeeperHttpResponse,
  type KeeperRecord,
  type KeyValueStorage,
  parseThrottle,
  type SecretManagerOptions,
  UpdateTransactionType,
  updateSecret2,
} from '@keeper-security/secrets-manager-core';
import { GatewayError } from '../../base/errors.ts';
import type { KeeperConfiguration } from './configuration.ts';
import { RequestBudget } from './request-budget.ts';

/** One request to the service: the HTTP client, or a test's fake. */
export type KeeperPost = (request: {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
}) => Promise<{ readonly status: number; readonly body: Uint8Array }>;

/** What the service is reached with. */
export interface KeeperServiceInit {
  readonly configuration: KeeperConfiguration;
  readonly post: KeeperPost;
  /** Live instances of the pool: they share what the service allows one client. */
  instances(): number;
  /** Monotonic. */
  nowMs(): number;
}

/** Longest that one operation may take, waiting for the budget included. */
const OPERATION_MS = 25_000;
/** The service may name another of its keys this often in one operation: the SDK would follow for ever. */
const KEY_CHANGES_MAX = 3;

/**
 * Keeper's service through its own SDK. The SDK's storage is in memory and this instance's own: a shared file would be overwritten by the others. What
 * the SDK leaves without bound (following changes of the service's key, waiting when throttled) is bounded here.
 */
export class KeeperService {
  readonly #init: KeeperServiceInit;
  readonly #storage: KeyValueStorage;
  readonly #budget = new RequestBudget();

  constructor(init: KeeperServiceInit) {
    this.#init = init;
    this.#storage = inMemoryStorage({ ...init.configuration.entries.reveal() });
  }

  /** The record that holds the credential of this one: itself, or the account that it is linked to for logging in. Undefined: not shared with this application. */
  async fetch(recordUid: string, signal: AbortSignal): Promise<KeeperRecord | undefined> {
    const record = await this.#fetchOne(recordUid, signal);
    if (record === undefined || hasLogin(record)) return record;
    const links = getLinks(record);
    const link = links.find((one) => one.isLaunchCredential()) ?? links.find((one) => one.isAdminUser());
    return link === undefined ? record : ((await this.#fetchOne(link.recordUid, signal)) ?? record);
  }

  /** Writes the record if its revision is still the one it was fetched with. */
  update(record: KeeperRecord, signal: AbortSignal): Promise<void> {
    return this.#run(signal, (options) => updateSecret2(options, record));
  }

  /** The same as one rotation: what is written counts only when the second step has confirmed it, and is taken back where that fails. */
  async rotate(record: KeeperRecord, signal: AbortSignal): Promise<void> {
    const transactionType = UpdateTransactionType.Rotation;
    await this.#run(signal, (options) => updateSecret2(options, record, { transactionType }));
    try {
      await this.#run(signal, (options) => completeTransaction(options, record.recordUid));
    } catch (cause) {
      await this.#run(new AbortController().signal, (options) => completeTransaction(options, record.recordUid, true));
      throw cause;
    }
  }

  async #fetchOne(recordUid: string, signal: AbortSignal): Promise<KeeperRecord | undefined> {
    const { records } = await this.#run(signal, (options) =>
      getSecrets2(options, { recordsFilter: [recordUid], requestLinks: true }),
    );
    return records.find((record) => record.recordUid === recordUid);
  }

  async #run<T>(given: AbortSignal, work: (options: SecretManagerOptions) => Promise<T>): Promise<T> {
    const deadline = AbortSignal.timeout(OPERATION_MS);
    const signal = AbortSignal.any([given, deadline]);
    let keyChanges = 0;
    const queryFunction: SecretManagerOptions['queryFunction'] = async (url, key, payload) => {
      const headers = {
        'Content-Type': 'application/octet-stream',
        PublicKeyId: String(key.publicKeyId),
        TransmissionKey: Buffer.from(key.encryptedKey).toString('base64'),
        Authorization: `Signature ${Buffer.from(payload.signature).toString('base64')}`,
      };
      const answer = await this.#ask({ url, headers, body: payload.payload, signal });
      if (isKeyChange(answer) && ++keyChanges > KEY_CHANGES_MAX)
        throw unavailable(`Keeper named another key ${keyChanges} times`);
      return answer;
    };
    try {
      return await work({ storage: this.#storage, queryFunction });
    } catch (cause) {
      if (cause instanceof GatewayError) throw cause;
      if (given.aborted) throw new GatewayError('cancelled', 'given up before Keeper answered', { cause });
      if (deadline.aborted) throw unavailable(`Keeper did not answer within ${OPERATION_MS / 1000} s`, cause);
      throw unavailable(`Keeper: ${reasonOf(cause)}`, cause);
    }
  }

  async #ask(request: Parameters<KeeperPost>[0]): Promise<KeeperHttpResponse> {
    for (;;) {
      await this.#wait(request);
      const { status, body } = await this.#init.post(request);
      const retryAfter = status === 403 ? parseThrottle(new TextDecoder().decode(body.subarray(0, 1000))) : null;
      if (retryAfter === null) return { statusCode: status, headers: {}, data: body };
      this.#budget.refused(this.#init.nowMs(), retryAfter * 1000);
    }
  }

  /** Waits for this instance's share of what the service allows. */
  async #wait({ url, signal }: Parameters<KeeperPost>[0]): Promise<void> {
    for (;;) {
      const at = { nowMs: this.#init.nowMs(), instances: this.#init.instances() };
      const waitMs = this.#budget.take(url, at);
      if (waitMs <= 0) return;
      await delay(Math.ceil(waitMs), undefined, { signal });
    }
  }
}

/** The service over HTTPS. */
export const postOverHttps: KeeperPost = async ({ url, headers, body, signal }) => {
  const response = await fetch(url, { method: 'POST', headers, body: Buffer.from(body), signal, redirect: 'error' });
  const answer = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, body: answer };
};

function hasLogin({ data }: KeeperRecord): boolean {
  const fields: readonly { readonly type?: string; readonly value?: readonly unknown[] }[] = data?.fields ?? [];
  return fields.some(({ type, value }) => (type === 'password' || type === 'keyPair') && (value?.length ?? 0) > 0);
}

function isKeyChange({ statusCode, data }: KeeperHttpResponse): boolean {
  return statusCode !== 200 && /"error"\s*:\s*"key"/.test(new TextDecoder().decode(data.subarray(0, 1000)));
}

/** The service answers errors as JSON; what it says may be shown, what it was sent never is. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  const found = /"(?:message|additional_info|error)"\s*:\s*"([^"]{1,200})"/.exec(text);
  return found?.[1] ?? text.slice(0, 200);
}

function unavailable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('vault-unavailable', message, { cause });
}
