import { GatewayError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { AgreementKeys } from '../base/x25519.ts';
import { CREDENTIAL_PLAIN_BYTES_MAX, NAME_LENGTH_MAX } from '../wire/bounds.ts';
import { bytes, type Codec, decode, encode, nullable, struct, text } from '../wire/codec.ts';
import { type BoxContext, openBox, sealBox } from './box.ts';
import type { Credential } from './index.ts';

/** What stands inside a credential's box. Fields: append only. */
interface Content {
  readonly user: string | null;
  readonly password: Uint8Array | null;
  readonly privateKey: Uint8Array | null;
  readonly passphrase: Uint8Array | null;
  readonly certificate: Uint8Array | null;
}

/** Bytes of a password or passphrase. */
export const PASSWORD_BYTES_MAX = 1024;
/** Bytes of a private key: an RSA key of 16,384 bits in OpenSSH form. */
export const PRIVATE_KEY_BYTES_MAX = 13 * 1024;
/** Bytes of a certificate. */
export const CERTIFICATE_BYTES_MAX = 4 * 1024;

const contentCodec: Codec<Content> = struct<Content>({
  user: nullable(text(NAME_LENGTH_MAX)),
  password: nullable(bytes({ max: PASSWORD_BYTES_MAX })),
  privateKey: nullable(bytes({ max: PRIVATE_KEY_BYTES_MAX })),
  passphrase: nullable(bytes({ max: PASSWORD_BYTES_MAX })),
  certificate: nullable(bytes({ max: CERTIFICATE_BYTES_MAX })),
});

/** Seals a credential to the holder of `recipient`. Throws `bad-usage` naming the part that is too long. */
export function sealCredential(credential: Credential, recipient: Uint8Array, context: BoxContext): Uint8Array {
  const { user, password, privateKey, passphrase, certificate } = credential;
  const plain = encode(contentCodec, {
    user,
    password: part(password, 'password', PASSWORD_BYTES_MAX),
    privateKey: part(privateKey, 'private key', PRIVATE_KEY_BYTES_MAX),
    passphrase: part(passphrase, 'passphrase', PASSWORD_BYTES_MAX),
    certificate: part(certificate, 'certificate', CERTIFICATE_BYTES_MAX),
  });
  const box = sealBox(plain, recipient, context);
  plain.fill(0);
  return box;
}

/** The credential in a box. Throws `vault-unavailable`. */
export function openCredential(box: Uint8Array, keys: readonly AgreementKeys[], context: BoxContext): Credential {
  const plain = openBox(box, keys, context);
  const content = decode(contentCodec, plain, CREDENTIAL_PLAIN_BYTES_MAX);
  plain.fill(0);
  return {
    user: content.user,
    password: secretOf(content.password),
    privateKey: secretOf(content.privateKey),
    passphrase: secretOf(content.passphrase),
    certificate: content.certificate === null ? null : textOf(content.certificate),
  };
}

function part(value: Secret<string> | string | null, what: string, max: number): Uint8Array | null {
  if (value === null) return null;
  const encoded = new TextEncoder().encode(typeof value === 'string' ? value : value.reveal());
  if (encoded.length <= max) return encoded;
  throw new GatewayError('bad-usage', `the ${what} has ${encoded.length} bytes; at most ${max} are stored`);
}

function secretOf(content: Uint8Array | null): Secret<string> | null {
  return content === null ? null : new Secret(textOf(content));
}

function textOf(content: Uint8Array): string {
  const value = new TextDecoder().decode(content);
  content.fill(0);
  return value;
}
