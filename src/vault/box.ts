import { createCipheriv, createDecipheriv, diffieHellman, generateKeyPairSync, hkdfSync } from 'node:crypto';
import { concatBytes, equalBytes, sha256 } from '../base/bytes.ts';
import { GatewayError } from '../base/errors.ts';
import { AGREEMENT_KEY_BYTES, type AgreementKeys, agreementPublicKey, rawPublicKey } from '../base/x25519.ts';

/**
 * Boxes: bytes that only the holder of an X25519 key can read. Layout:
 *
 *     1 byte    version, 1
 *     8 bytes   the recipient: beginning of SHA-256 of its public key
 *     32 bytes  ephemeral public key
 *     bytes     AES-256-GCM ciphertext of the padded content, its 16-byte tag behind it
 *
 * Key and nonce are HKDF-SHA256 of the X25519 agreement, with both public keys in the salt, so no key ever seals twice. What the content belongs to is
 * authenticated with it: a box that is moved to another record or version does not open. The content begins with its length in four bytes, big endian,
 * and is padded with zeros, so that the length of a box does not tell that of a password.
 */
export interface BoxContext {
  readonly gatewayUid: string;
  readonly recordId: string;
  readonly versionId: string;
}

const VERSION = 1;
const RECIPIENT_BYTES = 8;
const HEADER_BYTES = 1 + RECIPIENT_BYTES + AGREEMENT_KEY_BYTES;
const [KEY_BYTES, NONCE_BYTES, TAG_BYTES, LENGTH_BYTES] = [32, 12, 16, 4];
/** Contents are padded to a multiple of this: passwords of every usual length look alike. */
const PADDED_BYTES = 192;
const LABEL = 'pam-mesh/1/vault-box';
const CIPHER = 'aes-256-gcm';

/** Seals bytes to the holder of `recipient`, an X25519 public key of 32 bytes. */
export function sealBox(content: Uint8Array, recipient: Uint8Array, context: BoxContext): Uint8Array {
  const ephemeral = generateKeyPairSync('x25519');
  const publicKey = rawPublicKey(ephemeral.publicKey);
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: agreementPublicKey(recipient) });
  const { key, nonce } = derive(shared, publicKey, recipient);
  const header = concatBytes([new Uint8Array([VERSION]), recipientOf(recipient), publicKey]);
  const padded = pad(content);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(boundTo(header, context));
  const sealed = concatBytes([header, cipher.update(padded), cipher.final(), cipher.getAuthTag()]);
  for (const secret of [shared, key, padded]) secret.fill(0);
  return sealed;
}

/** The content of a box sealed to one of these keys. Throws `vault-unavailable` where it was sealed to another key, changed or moved. */
export function openBox(box: Uint8Array, keys: readonly AgreementKeys[], context: BoxContext): Uint8Array {
  if (box.length < HEADER_BYTES + TAG_BYTES || box[0] !== VERSION) throw unreadable('it has no known form');
  const recipient = box.subarray(1, 1 + RECIPIENT_BYTES);
  const own = keys.find(({ publicKey }) => equalBytes(recipientOf(publicKey), recipient));
  if (own === undefined) throw unreadable('it is sealed to another key than this gateway has');
  const header = box.subarray(0, HEADER_BYTES);
  try {
    const ephemeral = header.subarray(1 + RECIPIENT_BYTES);
    const shared = diffieHellman({ privateKey: own.privateKey, publicKey: agreementPublicKey(ephemeral) });
    const { key, nonce } = derive(shared, ephemeral, own.publicKey);
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(boundTo(header, context))
      .setAuthTag(box.subarray(-TAG_BYTES));
    const padded = concatBytes([decipher.update(box.subarray(HEADER_BYTES, -TAG_BYTES)), decipher.final()]);
    for (const secret of [shared, key]) secret.fill(0);
    return unpad(padded);
  } catch (cause) {
    throw unreadable('it was changed, or belongs to another record', cause);
  }
}

/** True if the box was sealed to this key. */
export function isSealedTo(box: Uint8Array, publicKey: Uint8Array): boolean {
  return equalBytes(box.subarray(1, 1 + RECIPIENT_BYTES), recipientOf(publicKey));
}

function derive(
  shared: Uint8Array,
  ephemeral: Uint8Array,
  recipient: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const salt = concatBytes([ephemeral, recipient]);
  const bytes = new Uint8Array(hkdfSync('sha256', shared, salt, LABEL, KEY_BYTES + NONCE_BYTES));
  return { key: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) };
}

function recipientOf(publicKey: Uint8Array): Uint8Array {
  return sha256(publicKey).subarray(0, RECIPIENT_BYTES);
}

function boundTo(header: Uint8Array, { gatewayUid, recordId, versionId }: BoxContext): Uint8Array {
  return concatBytes([header, new TextEncoder().encode(`${gatewayUid}|${recordId}|${versionId}`)]);
}

function pad(content: Uint8Array): Uint8Array {
  const length = LENGTH_BYTES + content.length;
  const padded = new Uint8Array(Math.ceil(length / PADDED_BYTES) * PADDED_BYTES);
  new DataView(padded.buffer).setUint32(0, content.length);
  padded.set(content, LENGTH_BYTES);
  return padded;
}

function unpad(padded: Uint8Array): Uint8Array {
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0);
  const content = padded.slice(LENGTH_BYTES, LENGTH_BYTES + length);
  padded.fill(0);
  return content;
}

function unreadable(reason: string, cause?: unknown): GatewayError {
  return new GatewayError('vault-unavailable', `a stored credential cannot be opened: ${reason}`, {
    cause,
    remedy: 'Store the credential again with "pam record edit RECORD --password-stdin".',
  });
}
