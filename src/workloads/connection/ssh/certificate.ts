/** Pure: OpenSSH user certificates (openssh-portable, PROTOCOL.certkeys), as far as it takes to say before a login why it would fail. */
import { formatUnixMs } from '../../../base/stamp.ts';

/** What a certificate says. Nothing here is verified: the target does that. */
export interface Certificate {
  /** As it is sent. */
  readonly blob: Buffer;
  /** Of the certificate, `…-cert-v01@openssh.com`. */
  readonly algorithm: string;
  /** What the request for a login names: for RSA, another one than the certificate's own. */
  readonly requestAlgorithm: string;
  /** Of the signature over that request. */
  readonly signatureAlgorithm: string;
  /** The key that it is for, in the form of a plain public key. */
  readonly publicKey: Buffer;
  readonly keyId: string;
  /** Names it logs in as; empty: any. */
  readonly principals: readonly string[];
  readonly isForUser: boolean;
  readonly validAfterUnixS: bigint;
  readonly validBeforeUnixS: bigint;
}

interface KeyKind {
  readonly plain: string;
  readonly request: string;
  readonly signature: string;
  /** Fields of the public key behind its type. */
  readonly fields: number;
}

const SUFFIX = '-cert-v01@openssh.com';
const same = (plain: string, fields: number): KeyKind => ({ plain, request: plain, signature: plain, fields });
const KINDS: Readonly<Record<string, KeyKind>> = {
  'ssh-ed25519': same('ssh-ed25519', 1),
  'ecdsa-sha2-nistp256': same('ecdsa-sha2-nistp256', 2),
  'ecdsa-sha2-nistp384': same('ecdsa-sha2-nistp384', 2),
  'ecdsa-sha2-nistp521': same('ecdsa-sha2-nistp521', 2),
  'ssh-rsa': { plain: 'ssh-rsa', request: 'rsa-sha2-512', signature: 'rsa-sha2-512', fields: 2 },
};

const USER = 1;
const PRINCIPALS_MAX = 256;
const TIME_END = 2n ** 64n - 1n;
/** The last moment that a date can be written for. */
const UNIX_S_MAX = 8_640_000_000_000n;

/** The certificate in a line `TYPE BASE64 COMMENT`; undefined for what is none, or of a kind of key that no instance can use. */
export function parseCertificate(text: string): Certificate | undefined {
  const [, type = '', base64 = ''] = /^\s*(\S+)\s+([A-Za-z0-9+/=]+)/.exec(text) ?? [];
  const kind = type.endsWith(SUFFIX) ? KINDS[type.slice(0, -SUFFIX.length)] : undefined;
  const blob = Buffer.from(base64, 'base64');
  const reader = new FieldReader(blob);
  if (kind === undefined || reader.text() !== type) return undefined;
  reader.bytes(); // A nonce.
  const key = Array.from({ length: kind.fields }, () => reader.bytes());
  reader.uint64(); // A serial number.
  const certificate = {
    blob,
    algorithm: type,
    requestAlgorithm: `${kind.request}${SUFFIX}`,
    signatureAlgorithm: kind.signature,
    publicKey: Buffer.concat([Buffer.from(kind.plain), ...key].map(sized)),
    isForUser: reader.uint32() === USER,
    keyId: reader.text(),
    principals: reader.list(),
    validAfterUnixS: reader.uint64(),
    validBeforeUnixS: reader.uint64(),
  };
  return reader.isBroken ? undefined : certificate;
}

/** Why nobody would let it in at this time, or null. */
export function certificateProblem(certificate: Certificate, nowUnixMs: number): string | null {
  const { isForUser, validAfterUnixS, validBeforeUnixS, keyId } = certificate;
  const nowUnixS = BigInt(Math.floor(nowUnixMs / 1000));
  if (!isForUser) return `has an OpenSSH certificate "${keyId}" that is for a host, not for a user`;
  if (nowUnixS >= validBeforeUnixS)
    return `has an OpenSSH certificate "${keyId}" that has expired at ${formatSeconds(validBeforeUnixS)}`;
  if (nowUnixS < validAfterUnixS)
    return `has an OpenSSH certificate "${keyId}" that is valid only from ${formatSeconds(validAfterUnixS)} on`;
  return null;
}

/** For a message about a login that was refused. */
export function describeCertificate({ keyId, principals, validBeforeUnixS }: Certificate): string {
  const names = principals.length === 0 ? 'any name' : principals.join(', ');
  const end = validBeforeUnixS === TIME_END ? 'for ever' : `until ${formatSeconds(validBeforeUnixS)}`;
  return `certificate "${keyId}", for ${names}, valid ${end}`;
}

/** Bytes with their length in front. */
export function sized(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function formatSeconds(unixS: bigint): string {
  return formatUnixMs(Number(unixS < UNIX_S_MAX ? unixS : UNIX_S_MAX) * 1000);
}

/** Reads fields; what is not there reads as empty, and `isBroken` says so. */
class FieldReader {
  isBroken = false;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get #rest(): number {
    return this.#bytes.length - this.#at;
  }

  uint32(): number {
    return this.#take(4)?.readUInt32BE() ?? 0;
  }

  uint64(): bigint {
    return this.#take(8)?.readBigUInt64BE() ?? 0n;
  }

  bytes(): Buffer {
    return this.#take(this.uint32()) ?? Buffer.alloc(0);
  }

  text(): string {
    return this.bytes().toString();
  }

  list(): readonly string[] {
    const inner = new FieldReader(this.bytes());
    const texts: string[] = [];
    while (inner.#rest > 0 && !inner.isBroken && texts.length < PRINCIPALS_MAX) texts.push(inner.text());
    this.isBroken ||= inner.isBroken;
    return texts;
  }

  #take(length: number): Buffer | undefined {
    if (length > this.#rest) this.isBroken = true;
    if (this.isBroken) return undefined;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
