import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { GatewayError } from '../../base/errors.ts';
import { formatKeyId, type PeerKeyId, PUBLIC_KEY_BYTES } from '../../base/ids.ts';
import type { Sign, Verify } from '../../base/signing.ts';
import { der, readDer, Tag } from './der.ts';

/**
 * Certificates of libp2p's TLS 1.3 handshake (libp2p specs, tls/tls.md): self-signed with a key made for the purpose, which the identity key
 * vouches for in an extension. Whoever completes a handshake with such a certificate holds the identity.
 */
export interface Certificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM; made for this process, worth nothing after it. */
  readonly privateKey: string;
}

/** DER of the object ids: 1.3.6.1.4.1.53594.1.1 is libp2p's extension, 1.2.840.10045.4.3.2 ECDSA with SHA-256. */
const EXTENSION_ID = Buffer.from('2b0601040183a25a0101', 'hex');
const ECDSA_SHA256_ID = Buffer.from('2a8648ce3d040302', 'hex');
/** What the identity key signs in front of the certificate's public key. */
const SIGNED_PREFIX = Buffer.from('libp2p-tls-handshake:');
/** libp2p's protobuf of an Ed25519 public key, without the key. */
const KEY_PREFIX = Buffer.from([0x08, 0x01, 0x12, 0x20]);
const VERSION_3 = Buffer.from([2]);
const TRUE = Buffer.from([0xff]);
/** Valid from 2020 for good: peers' clocks need not agree, and the handshake proves that the key is in use now. */
const VALIDITY = der(
  Tag.sequence,
  der(Tag.utcTime, Buffer.from('200101000000Z')),
  der(Tag.generalizedTime, Buffer.from('99991231235959Z')),
);
const NO_NAME = der(Tag.sequence);
const ALGORITHM = der(Tag.sequence, der(Tag.objectId, ECDSA_SHA256_ID));

/** A fresh certificate for the holder of an identity key. */
export function createCertificate(identity: { readonly publicKey: Uint8Array; readonly sign: Sign }): Certificate {
  const draft = draftCertificate(identity.publicKey);
  return draft.complete(identity.sign(draft.message));
}

/** A certificate that waits for the identity to vouch for it, where its key takes its time. */
export interface CertificateDraft {
  /** What the identity key signs. */
  readonly message: Uint8Array;
  complete(signature: Uint8Array): Certificate;
}

/** A fresh certificate that the identity has not vouched for yet. */
export function draftCertificate(identityKey: Uint8Array): CertificateDraft {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subjectKey = publicKey.export({ format: 'der', type: 'spki' });
  return {
    message: Buffer.concat([SIGNED_PREFIX, subjectKey]),
    complete: (signature) => {
      const vouched = der(Tag.sequence, der(Tag.octetString, KEY_PREFIX, identityKey), der(Tag.octetString, signature));
      return {
        certificate: signedBySubject(subjectKey, vouched, privateKey),
        privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      };
    },
  };
}

/** The certificate in PEM, signed with its own key. */
function signedBySubject(subjectKey: Uint8Array, vouched: Buffer, privateKey: KeyObject): string {
  const extension = der(
    Tag.sequence,
    der(Tag.objectId, EXTENSION_ID),
    der(Tag.boolean, TRUE),
    der(Tag.octetString, vouched),
  );
  const body = der(
    Tag.sequence,
    der(Tag.explicit0, der(Tag.integer, VERSION_3)),
    // Positive and of one length: the first bit is 0, the second 1.
    der(Tag.integer, Buffer.from([0x40]), randomBytes(8)),
    ALGORITHM,
    NO_NAME,
    VALIDITY,
    NO_NAME,
    subjectKey,
    der(Tag.explicit3, der(Tag.sequence, extension)),
  );
  const signature = der(Tag.bitString, Buffer.from([0]), sign('sha256', body, privateKey));
  const whole = der(Tag.sequence, body, ALGORITHM, signature);
  return `-----BEGIN CERTIFICATE-----\n${whole.toString('base64')}\n-----END CERTIFICATE-----\n`;
}

/** Whose certificate this is; throws `not-allowed` where it vouches for nobody. The handshake has proved that the peer holds its key. */
export function identifyPeer(certificate: Uint8Array, verifyIdentity: Verify): PeerKeyId {
  const parsed = parseCertificate(certificate);
  if (!parsed.verify(parsed.publicKey)) throw refusal('is not signed by itself');
  const now = Date.now();
  if (now < Date.parse(parsed.validFrom) || now > Date.parse(parsed.validTo)) throw refusal('is not valid now');
  const vouched = readVouched(certificate);
  if (vouched === undefined) throw refusal('does not name an Ed25519 identity');
  const id = formatKeyId(vouched.publicKey);
  const subjectKey = parsed.publicKey.export({ format: 'der', type: 'spki' });
  if (!verifyIdentity(id, Buffer.concat([SIGNED_PREFIX, subjectKey]), vouched.signature)) {
    throw refusal('is not vouched for by the identity it names');
  }
  return id;
}

function parseCertificate(certificate: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(certificate);
  } catch (cause) {
    throw refusal('is damaged', cause);
  }
}

/** The identity in libp2p's extension. */
function readVouched(certificate: Uint8Array): { publicKey: Uint8Array; signature: Uint8Array } | undefined {
  const [whole] = readDer(certificate) ?? [];
  const [body] = readDer(whole?.content ?? NONE) ?? [];
  const wrapped = readDer(body?.content ?? NONE)?.find(({ tag }) => tag === Tag.explicit3);
  const [list] = readDer(wrapped?.content ?? NONE) ?? [];
  for (const { content } of readDer(list?.content ?? NONE) ?? []) {
    const fields = readDer(content) ?? [];
    if (!EXTENSION_ID.equals(fields[0]?.content ?? NONE)) continue;
    const [pair] = readDer(fields.at(-1)?.content ?? NONE) ?? [];
    const [key, signature] = readDer(pair?.content ?? NONE) ?? [];
    if (key === undefined || signature === undefined) return undefined;
    const isEd25519 =
      key.content.length === KEY_PREFIX.length + PUBLIC_KEY_BYTES &&
      KEY_PREFIX.equals(key.content.subarray(0, KEY_PREFIX.length));
    return isEd25519 ? { publicKey: key.content.slice(KEY_PREFIX.length), signature: signature.content } : undefined;
  }
  return undefined;
}

const NONE = new Uint8Array(0);

function refusal(what: string, cause?: unknown): GatewayError {
  return new GatewayError('not-allowed', `the peer's certificate ${what}`, { cause });
}
