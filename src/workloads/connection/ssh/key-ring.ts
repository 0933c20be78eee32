import ssh2, { type ParsedKey } from 'ssh2';
import type { Secret } from '../../../base/secret.ts';

/** Keys kept open: raising it costs a few KiB each. */
const KEYS_MAX = 256;

/** A private key as it is stored. */
export interface LockedKey {
  /** Names the version of the credential that the key belongs to. */
  readonly versionId: string;
  readonly privateKey: Secret<string>;
  readonly passphrase: Secret<string> | null;
}

/**
 * Private keys by the version of their credential. Opening one that has a passphrase takes 0.4 s of pure computing, during which the instance does nothing
 * else: it is done once, not for each session.
 */
export class KeyRing {
  readonly #keys = new Map<string, ParsedKey>();

  /** The key; undefined if it is none, or the passphrase is wrong. */
  open({ versionId, privateKey, passphrase }: LockedKey): ParsedKey | undefined {
    const known = this.#keys.get(versionId);
    if (known !== undefined) return known;
    const key = ssh2.utils.parseKey(privateKey.reveal(), passphrase?.reveal());
    if (key instanceof Error) return undefined;
    const [oldest] = this.#keys.keys();
    if (oldest !== undefined && this.#keys.size >= KEYS_MAX) this.#keys.delete(oldest);
    this.#keys.set(versionId, key);
    return key;
  }
}
