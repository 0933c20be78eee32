/**
 * How the pure half signs and checks: handed in, so that the same code runs with Ed25519 in production and with a cheap stand-in
 * where a simulation signs millions of messages.
 */

/** Signs with this instance's own key. Deterministic, as Ed25519 is. */
export type Sign = (message: Uint8Array) => Uint8Array;

/** True when `signature` was made over `message` by the key inside `keyId`. Never throws, whatever the bytes. */
export type Verify = (keyId: string, message: Uint8Array, signature: Uint8Array) => boolean;

/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;
