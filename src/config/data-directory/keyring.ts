import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { concatBytes, equalBytes } from '../../base/bytes.ts';
import { GatewayError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { POOL_SECRET_BYTES } from '../../core/index.ts';
import { REPLACED_KEYS_MAX } from '../../wire/succession.ts';
import { writeSecretFile } from '../secret-file.ts';

/** The pool secrets that the configuration of this start names. */
export interface KeyringInit {
  readonly directory: string;
  readonly gatewayUid: string;
  readonly secret: Secret<Uint8Array>;
  /** Those before it, newest first. */
  readonly former: readonly Secret<Uint8Array>[];
}

/**
 * The file: pool secrets under which something in this directory may have been sealed, themselves sealed under the present one (AES-256-GCM, key by HKDF-SHA256). So
 * a later configuration need not name them for ever, and a configuration of another secret is noticed before anything is taken for damaged.
 *
 *     12 bytes  nonce
 *     bytes     ciphertext: the former secrets, newest first, 32 bytes each; the 16-byte tag behind it
 */
const FILE = 'keyring';
const CIPHER = 'aes-256-gcm';
const LABEL = 'pam-mesh/1/keyring';
const [NONCE_BYTES, TAG_BYTES, KEY_BYTES] = [12, 16, 32];

/** The former secrets, newest first, on disk under the present one when this returns. Throws `data-directory` where the directory belongs to another secret. */
export function openKeyring({ directory, gatewayUid, secret, former }: KeyringInit): readonly Secret<Uint8Array>[] {
  const path = join(directory, FILE);
  const sealed = lstatSync(path, { throwIfNoEntry: false }) === undefined ? undefined : readFileSync(path);
  const stored = sealed === undefined ? [] : recall(sealed, [secret, ...former], gatewayUid);
  if (stored === undefined) throw otherSecret(directory);
  const known = distinct([...former, ...stored], secret).slice(0, REPLACED_KEYS_MAX);
  const isCurrent = sealed !== undefined && unseal(sealed, secret, gatewayUid)?.length === known.length;
  if (!isCurrent) writeSecretFile({ path, content: seal(known, secret, gatewayUid), replace: true });
  return known;
}

/** What the file holds, and which of these secrets it was sealed under; undefined if none. */
function recall(
  sealed: Uint8Array,
  secrets: readonly Secret<Uint8Array>[],
  gatewayUid: string,
): readonly Secret<Uint8Array>[] | undefined {
  for (const secret of secrets) {
    const stored = unseal(sealed, secret, gatewayUid);
    if (stored !== undefined) return [secret, ...stored];
  }
  return undefined;
}

function distinct(secrets: readonly Secret<Uint8Array>[], present: Secret<Uint8Array>): readonly Secret<Uint8Array>[] {
  const kept: Secret<Uint8Array>[] = [];
  for (const one of secrets)
    if (![present, ...kept].some((other) => equalBytes(other.reveal(), one.reveal()))) kept.push(one);
  return kept;
}

function seal(secrets: readonly Secret<Uint8Array>[], under: Secret<Uint8Array>, gatewayUid: string): Uint8Array {
  const nonce = new Uint8Array(randomBytes(NONCE_BYTES));
  const cipher = createCipheriv(CIPHER, keyOf(under, gatewayUid), nonce).setAAD(Buffer.from(gatewayUid));
  const plain = concatBytes(secrets.map((secret) => secret.reveal()));
  const sealed = concatBytes([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  plain.fill(0);
  return sealed;
}

function unseal(
  sealed: Uint8Array,
  under: Secret<Uint8Array>,
  gatewayUid: string,
): readonly Secret<Uint8Array>[] | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, keyOf(under, gatewayUid), sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
    .setAAD(Buffer.from(gatewayUid))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const plain = concatBytes([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    const count = Math.floor(plain.length / POOL_SECRET_BYTES);
    return Array.from(
      { length: count },
      (_, index) => new Secret(plain.slice(index * POOL_SECRET_BYTES, (index + 1) * POOL_SECRET_BYTES)),
    );
  } catch {
    return undefined;
  }
}

function keyOf(secret: Secret<Uint8Array>, gatewayUid: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret.reveal(), `pam-mesh/1/gateway/${gatewayUid}`, LABEL, KEY_BYTES));
}

function otherSecret(directory: string): GatewayError {
  const message = `data directory ${directory} belongs to another pool secret than the one of this configuration`;
  return new GatewayError('data-directory', message, {
    remedy:
      'Start with the configuration of the newest "pam gateway rekey"; where this one is the newest, with one whose formerSecrets are complete.',
  });
}
