import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { z } from 'zod';
import { keyPairFromSeed } from '../../base/ed25519.ts';
import { GatewayError } from '../../base/errors.ts';
import { type PeerKeyId, parseKeyId } from '../../base/ids.ts';
import { Secret } from '../../base/secret.ts';
import { formatBase64, parseBase64 } from '../document.ts';

/**
 * A private key protected by a passphrase: scrypt (RFC 7914) makes a key of it, AES-256-GCM seals the seed under that, and the public half is bound
 * to it. The cost stands beside it, so that a later version may ask for more; what a file asks for is bounded, so that it cannot stop its reader.
 */
export interface LockedKey {
  /** The public half, so that a file can be judged without the passphrase. */
  readonly id: PeerKeyId;
  /** Scrypt's cost: memory is 1024 times this, in bytes (r = 8, p = 1). */
  readonly cost: number;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
}

/** 128 MiB and a third of a second for each guess. Raising it makes every command of its owner that much slower. */
const COST = 2 ** 17;
const [COST_MIN, COST_MAX] = [2 ** 14, 2 ** 20];
const [SALT_BYTES, NONCE_BYTES, TAG_BYTES, KEY_BYTES] = [16, 12, 16, 32];
const CIPHER = 'aes-256-gcm';
/** A shorter passphrase is no protection once the file is stolen. */
export const PASSPHRASE_LENGTH_MIN = 8;

const bytesOf = (length: number) =>
  z.string().transform((text, context) => {
    const bytes = parseBase64(text);
    if (bytes !== undefined && bytes.length === length) return bytes;
    context.addIssue('wrong length');
    return z.NEVER;
  });
const lockedSchema = z.strictObject({
  id: z.string().transform((text, context): PeerKeyId => {
    const id = parseKeyId(text);
    if (id !== undefined) return id;
    context.addIssue('no key id');
    return z.NEVER;
  }),
  scryptCost: z
    .number()
    .int()
    .min(COST_MIN)
    .max(COST_MAX)
    .refine((cost) => Number.isInteger(Math.log2(cost))),
  salt: bytesOf(SALT_BYTES),
  nonce: bytesOf(NONCE_BYTES),
  sealed: bytesOf(KEY_BYTES + TAG_BYTES),
});

/** The locked key in a JSON document; undefined if it is none. */
export function parseLockedKey(raw: unknown): LockedKey | undefined {
  const parsed = lockedSchema.safeParse(raw);
  if (!parsed.success) return undefined;
  const { scryptCost: cost, ...rest } = parsed.data;
  return { ...rest, cost };
}

/** The JSON document that `parseLockedKey` reads. */
export function formatLockedKey({ id, cost, salt, nonce, sealed }: LockedKey): Readonly<Record<string, unknown>> {
  return {
    id,
    scryptCost: cost,
    salt: formatBase64(salt),
    nonce: formatBase64(nonce),
    sealed: formatBase64(sealed),
  };
}

/** Protects a seed. Throws `bad-usage` for a passphrase that is too short. */
export function lockKey(seed: Secret<Uint8Array>, passphrase: Secret<string>): LockedKey {
  if (passphrase.reveal().length < PASSPHRASE_LENGTH_MIN) {
    throw new GatewayError('bad-usage', `the passphrase has fewer than ${PASSPHRASE_LENGTH_MIN} characters`, {
      remedy: 'Choose a longer one: several words.',
    });
  }
  const { id } = keyPairFromSeed(seed.reveal());
  const [salt, nonce] = [new Uint8Array(randomBytes(SALT_BYTES)), new Uint8Array(randomBytes(NONCE_BYTES))];
  const cipher = createCipheriv(CIPHER, derive(passphrase, { salt, cost: COST }), nonce);
  cipher.setAAD(Buffer.from(id));
  const sealed = Buffer.concat([cipher.update(seed.reveal()), cipher.final(), cipher.getAuthTag()]);
  return { id, cost: COST, salt, nonce, sealed: new Uint8Array(sealed) };
}

/** The seed. Throws `not-allowed` for a wrong passphrase, and for a file that was changed. */
export function unlockKey(locked: LockedKey, passphrase: Secret<string>): Secret<Uint8Array> {
  const { id, nonce, sealed } = locked;
  const decipher = createDecipheriv(CIPHER, derive(passphrase, locked), nonce);
  decipher.setAAD(Buffer.from(id));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const seed = Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
    return new Secret(new Uint8Array(seed));
  } catch (cause) {
    throw new GatewayError('not-allowed', `the passphrase of key ${id} is wrong`, {
      cause,
      remedy: 'Type it again. A lost passphrase cannot be recovered: make a new key with pam login.',
    });
  }
}

function derive(
  passphrase: Secret<string>,
  { salt, cost }: { readonly salt: Uint8Array; readonly cost: number },
): Buffer {
  // One way of writing a character, whatever the keyboard sends.
  const text = passphrase.reveal().normalize('NFKC');
  return scryptSync(text, salt, KEY_BYTES, { N: cost, r: 8, p: 1, maxmem: 256 * cost * 8 });
}
