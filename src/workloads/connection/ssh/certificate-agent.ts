import { sign } from 'node:crypto';
import ssh2, { type Client, type ParsedKey } from 'ssh2';
import { GatewayError } from '../../../base/errors.ts';
import { type Certificate, sized } from './certificate.ts';

/**
 * Logs in with an OpenSSH certificate. The ssh2 library cannot: it reads no certificates, and it names one algorithm in both places of a request where OpenSSH wants two, the
 * certificate's for the request and the plain key's for the signature (mscdex/ssh2, issue 551 and pull request 1429). As an agent we are asked for a signature over the
 * beginning of the request; instead of answering, we complete the request ourselves and send it. That uses parts of the library that are its own
 * (`Inner`); they are looked at before, and the tests log in at a real server.
 */
export class CertificateAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #certificate: Certificate;
  readonly #key: ParsedKey;
  readonly #client: () => Client;

  /** `client` is the one that asks; it is known only when it asks. */
  constructor({ certificate, key }: CertifiedKey, client: () => Client) {
    super();
    this.#certificate = certificate;
    this.#key = key;
    this.#client = client;
  }

  /** The certificate in the place of a public key. */
  override getIdentities(done: (error: Error | undefined, keys: ParsedKey[]) => void): void {
    const { requestAlgorithm, blob } = this.#certificate;
    done(undefined, [
      Object.create(this.#key, { type: { value: requestAlgorithm }, getPublicSSH: { value: () => blob } }),
    ]);
  }

  /** Never answers: what it is asked for is sent at once. */
  override sign(
    _key: ParsedKey,
    data: Buffer,
    options: unknown,
    done?: (error: Error | undefined, signature: Buffer) => void,
  ): void {
    const answer = typeof options === 'function' ? options : done;
    try {
      const signature = Buffer.concat([Buffer.from(this.#certificate.signatureAlgorithm), this.#sign(data)].map(sized));
      // What is signed begins with the session's id, which the other side knows.
      const request = data.subarray(4 + data.readUInt32BE());
      sendRequest(this.#client(), Buffer.concat([request, sized(signature)]));
    } catch (error) {
      answer?.(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #sign(data: Buffer): Buffer {
    const { signatureAlgorithm } = this.#certificate;
    const key = this.#key.getPrivatePEM();
    if (signatureAlgorithm === 'ssh-ed25519') return sign(null, data, key);
    if (signatureAlgorithm === 'rsa-sha2-512') return sign('sha512', data, key);
    const hash = { nistp256: 'sha256', nistp384: 'sha384' }[signatureAlgorithm.slice(-8)] ?? 'sha512';
    const both = sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
    const half = both.length / 2;
    return Buffer.concat([both.subarray(0, half), both.subarray(half)].map((part) => sized(positive(part))));
  }
}

/** A private key and the certificate that belongs to it. */
export interface CertifiedKey {
  readonly certificate: Certificate;
  readonly key: ParsedKey;
}

/** As SSH writes a positive number: without zeros in front, except where the first bit would be a sign. */
function positive(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Buffer.alloc(0) : bytes.subarray(first);
  return (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), digits]) : digits;
}

/** What of the library's own is used. */
interface Inner {
  readonly _authsQueue: string[];
  readonly _kexinit?: unknown;
  readonly _packetRW: {
    readonly write: { readonly allocStart: number; alloc(bytes: number): Buffer; finalize(packet: Buffer): Buffer };
  };
  readonly _cipher: { encrypt(packet: Buffer): void };
}

function sendRequest(client: Client, message: Buffer): void {
  const inner = innerOf(client);
  inner._authsQueue.push('publickey');
  const packet = inner._packetRW.write.alloc(message.length);
  packet.set(message, inner._packetRW.write.allocStart);
  inner._cipher.encrypt(inner._packetRW.write.finalize(packet));
}

/** Throws `not-supported` where the library is not built as expected, or is busy with another exchange of keys. */
function innerOf(client: Client): Inner {
  const inner: unknown = Reflect.get(client, '_protocol');
  if (isInner(inner)) return inner;
  throw new GatewayError('not-supported', 'this version of the ssh2 library cannot log in with a certificate');
}

function isInner(inner: unknown): inner is Inner {
  if (typeof inner !== 'object' || inner === null) return false;
  const { _authsQueue, _packetRW, _cipher, _kexinit } = inner as Partial<Inner>;
  const { alloc, finalize } = _packetRW?.write ?? {};
  const isKnown =
    typeof alloc === 'function' && typeof finalize === 'function' && typeof _cipher?.encrypt === 'function';
  return isKnown && Array.isArray(_authsQueue) && _kexinit === undefined;
}
