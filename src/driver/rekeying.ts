import { setTimeout as delay } from 'node:timers/promises';
import { createEd25519Verify } from '../base/ed25519.ts';
import { GatewayError } from '../base/errors.ts';
import { formatUnixMs } from '../base/stamp.ts';
import type { PoolPort } from '../pool-port.ts';
import type { PoolVault } from '../vault/index.ts';
import { open } from '../wire/sealed.ts';
import { type Succession, successionSeal } from '../wire/succession.ts';
import type { PoolSecrets } from './pool-secrets.ts';

/** What following a change of the pool secret needs. */
export interface RekeyingInit {
  readonly secrets: PoolSecrets;
  readonly port: Pick<PoolPort, 'gateway' | 'view'>;
  readonly vault: PoolVault;
  readonly log: RekeyingLog;
  /** This instance's secret was replaced, as admins have signed: it is no part of the pool any more. */
  onShutOut(lines: readonly string[]): void;
}

/** Where it is said what happens. */
export interface RekeyingLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** How often it is looked whether there is something to seal anew, while there may be. */
const LOOK_MS = 2_000;
/** The same when nothing was left: only an instance that was away brings anything back. */
const LOOK_AGAIN_MS = 600_000;
/** Whoever is refused comes again each second: it is told this often. */
const TOLD_MS = 60_000;

/** Follows a change of the pool secret to its end: seals the credentials anew, and ends an instance that was left with the former secret. */
export class Rekeying {
  readonly #init: RekeyingInit;
  readonly #stopping = new AbortController();
  readonly #toldAtMs = new Map<string, number>();
  #running: Promise<void> | undefined;
  #isOut = false;

  constructor(init: RekeyingInit) {
    this.#init = init;
  }

  /** Begins; nothing is to be done where no secret was ever replaced. */
  start(): void {
    const { secrets, vault } = this.#init;
    if (secrets.former.length > 0 && vault.reseal !== undefined) this.#running = this.#run();
  }

  /** Ends with the edition that is on its way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** A member says that the secret of this instance was replaced. Only the admins' word counts, and only once the time of the change is over. */
  heard(sealed: Uint8Array): void {
    const succession = this.#ownSuccession(sealed);
    if (succession === undefined) {
      if (this.#mayTell('unproven'))
        this.#init.log.warn({ event: 'secret-replaced-unproven' }, 'a peer says so, and does not show who decided it');
      return;
    }
    if (Date.now() < succession.untilUnixMs || this.#isOut) return;
    this.#isOut = true;
    const issued = formatUnixMs(succession.issuedUnixMs);
    const line = `the pool secret of this configuration was replaced on ${issued}, and counts no more since ${formatUnixMs(succession.untilUnixMs)}`;
    this.#init.log.error({ event: 'secret-replaced' }, line);
    this.#init.onShutOut([line, 'Start this instance with the configuration that "pam gateway rekey" wrote.']);
  }

  /** Somebody came with a former secret. */
  refused(address: string): void {
    if (!this.#mayTell(address)) return;
    this.#init.log.warn({ event: 'former-secret-refused', address }, 'it came with a pool secret that was replaced');
  }

  /** The statement, if it is the admins' and about the secret that this instance has. */
  #ownSuccession(sealed: Uint8Array): Succession | undefined {
    const { port, secrets } = this.#init;
    const { uid, adminKeys, threshold } = port.gateway;
    try {
      const { value, signers } = open(successionSeal, sealed, createEd25519Verify());
      const signed = signers.filter((signer) => adminKeys.includes(signer)).length;
      const isOwn = value.gatewayUid === uid && value.replaced.includes(secrets.accessKey.id);
      return isOwn && signed >= threshold ? value : undefined;
    } catch (error) {
      if (error instanceof GatewayError) return undefined;
      throw error;
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let pauseMs = LOOK_MS; !signal.aborted; ) {
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      pauseMs = this.#isDue() && (await this.#reseal()) ? LOOK_AGAIN_MS : LOOK_MS;
    }
  }

  /** One instance seals for all of them: the first in the order that serves. The next takes over where it left off. */
  #isDue(): boolean {
    const { secrets, port } = this.#init;
    if (secrets.countsFormer) return false;
    const { self, members } = port.view();
    return members.find(({ state }) => state === 'admitted')?.record.instanceId === self;
  }

  /** True if nothing is left. */
  async #reseal(): Promise<boolean> {
    const { vault, log } = this.#init;
    const done = await vault.reseal?.(this.#stopping.signal);
    if (done === undefined) return true;
    const { resealed, failures } = done;
    if (resealed > 0)
      log.info(
        { event: 'credentials-resealed', records: resealed },
        'credentials are sealed under the new pool secret',
      );
    for (const { recordId, reason } of failures) {
      if (this.#mayTell(recordId)) log.warn({ event: 'credentials-not-resealed', record: recordId }, reason);
    }
    return failures.length === 0;
  }

  /** Each thing once a minute, and no more things than anybody reads. */
  #mayTell(what: string): boolean {
    const nowMs = performance.now();
    for (const [told, atMs] of this.#toldAtMs) if (nowMs - atMs >= TOLD_MS) this.#toldAtMs.delete(told);
    if (this.#toldAtMs.has(what) || this.#toldAtMs.size >= TOLD_AT_ONCE_MAX) return false;
    this.#toldAtMs.set(what, nowMs);
    return true;
  }
}

/** Different things told within a minute. */
const TOLD_AT_ONCE_MAX = 50;
