import type { KeyPair } from '../base/ed25519.ts';
import type { Verify } from '../base/signing.ts';
import { INSTANCE_PROOF_DOMAIN } from '../wire/access-message.ts';
import { signedBytes } from '../wire/sealed.ts';

/**
 * How a client knows that an instance belongs to the pool: the access key pair is derived from the pool secret, clients have its public
 * key in their profile, and every instance shows a signature over its own id. Without it, whoever sits at an address that a client
 * dials could pose as the gateway.
 */
export function proveInstance(accessKey: KeyPair, instanceId: string): Uint8Array {
  return accessKey.sign(provenBytes(instanceId));
}

/** True if the holder of the pool's access key vouches for the instance. */
export function isProvenInstance(
  shown: { readonly poolKey: string; readonly instanceId: string; readonly proof: Uint8Array },
  verify: Verify,
): boolean {
  return verify(shown.poolKey, provenBytes(shown.instanceId), shown.proof);
}

function provenBytes(instanceId: string): Uint8Array {
  return signedBytes(INSTANCE_PROOF_DOMAIN, new TextEncoder().encode(instanceId));
}
