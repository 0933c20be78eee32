import { randomBytes } from 'node:crypto';
import { createEd25519Verify } from '../base/ed25519.ts';
import { GatewayError } from '../base/errors.ts';
import type { PeerKeyId } from '../base/ids.ts';
import { Secret } from '../base/secret.ts';
import { formatUnixMs } from '../base/stamp.ts';
import { POOL_SECRET_BYTES } from '../core/index.ts';
import { open } from '../wire/sealed.ts';
import { REPLACED_KEYS_MAX, type Succession, successionSeal } from '../wire/succession.ts';
import { formatBase64, parseJsonObject } from './document.ts';
import { parseGatewayConfig, poolKeyOf, REKEYED_VERSION, type RekeyedSecret } from './gateway-config.ts';
import { type Signer, sealWith } from './user-key/signer.ts';

/** What the pool secret is replaced with. */
export interface RekeyInit {
  /** Text of the configuration in use, and the name of its source for messages. */
  readonly text: string;
  readonly where: string;
  /** How long the former secret counts beside the new one. */
  readonly windowMs: number;
  readonly signers: readonly Signer[];
  readonly unixMs: number;
}

/** A configuration with a new pool secret. */
export interface Rekeyed {
  readonly configuration: Secret<string>;
  readonly succession: Succession;
}

/**
 * Makes the new configuration: another secret, the former ones for the time of the change and for what was stored under them, and the admins' statement that
 * it is so. Everything else stays as it is. Throws `bad-config`, and `already-exists` while an earlier change is not over.
 */
export async function rekeyGateway({ text, where, windowMs, signers, unixMs }: RekeyInit): Promise<Rekeyed> {
  const config = parseGatewayConfig(text, where);
  const { uid, rekeyed } = config;
  if (rekeyed !== null && rekeyed.formerSecrets.length > 0 && unixMs < rekeyed.untilUnixMs) {
    const until = formatUnixMs(rekeyed.untilUnixMs);
    throw new GatewayError('already-exists', `${where}: its pool secret is being replaced until ${until}`, {
      remedy: 'Wait until then, or delete formerSecrets from it once every instance has the new one.',
    });
  }
  const secret = new Uint8Array(randomBytes(POOL_SECRET_BYTES));
  const former = [config.poolSecret, ...(rekeyed?.formerSecrets ?? [])].slice(0, REPLACED_KEYS_MAX);
  const succession = {
    gatewayUid: uid,
    poolKey: poolKeyOf(secret, uid),
    replaced: [poolKeyOf(config.poolSecret.reveal(), uid), ...replacedBefore(rekeyed)].slice(0, REPLACED_KEYS_MAX),
    issuedUnixMs: unixMs,
    untilUnixMs: unixMs + windowMs,
  };
  const document = {
    ...parseJsonObject(text, where),
    version: REKEYED_VERSION,
    poolSecret: formatBase64(secret),
    formerSecrets: former.map((one) => formatBase64(one.reveal())),
    succession: formatBase64(await sealWith(successionSeal, succession, signers)),
  };
  return { configuration: new Secret(`${JSON.stringify(document, undefined, 2)}\n`), succession };
}

/** The keys that were replaced before, also those whose secrets the configuration names no more: profiles follow from any of them. */
function replacedBefore(rekeyed: RekeyedSecret | null): readonly PeerKeyId[] {
  return rekeyed === null ? [] : open(successionSeal, rekeyed.succession, createEd25519Verify()).value.replaced;
}
