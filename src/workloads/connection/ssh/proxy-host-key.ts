import { hkdfSync } from 'node:crypto';
import { concatBytes } from '../../../base/bytes.ts';
import { keyPairFromSeed } from '../../../base/ed25519.ts';
import { Secret } from '../../../base/secret.ts';

/**
 * The host key that people's own `ssh` sees on a record: made from the pool's key for this purpose and the record's id, so that every instance shows
 * the same one, and `known_hosts` holds for good.
 */
export function proxyHostKey(proxyKey: Secret<Uint8Array>, recordId: string): Secret<string> {
  const seed = new Uint8Array(hkdfSync('sha256', proxyKey.reveal(), recordId, 'pam-ssh/1/host-key', 32));
  const { publicKey } = keyPairFromSeed(seed);
  return new Secret(formatOpenSshKey(seed, publicKey));
}

const TYPE = 'ssh-ed25519';
/** Text blocks end at a multiple of this, as OpenSSH checks. */
const BLOCK_BYTES = 8;

/** An unencrypted Ed25519 key in OpenSSH's form (openssh-portable, PROTOCOL.key). */
function formatOpenSshKey(seed: Uint8Array, publicKey: Uint8Array): string {
  const shown = concatBytes([sized(utf8(TYPE)), sized(publicKey)]);
  const check = new Uint8Array(8);
  const inner = concatBytes([check, shown, sized(concatBytes([seed, publicKey])), sized(utf8('gateway'))]);
  const padding = Uint8Array.from(
    { length: (BLOCK_BYTES - (inner.length % BLOCK_BYTES)) % BLOCK_BYTES },
    (_, at) => at + 1,
  );
  const none = sized(utf8('none'));
  const whole = concatBytes([
    utf8('openssh-key-v1\0'),
    none,
    none,
    sized(new Uint8Array()),
    uint32(1),
    sized(shown),
    sized(concatBytes([inner, padding])),
  ]);
  const lines =
    Buffer.from(whole)
      .toString('base64')
      .match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

function sized(bytes: Uint8Array): Uint8Array {
  return concatBytes([uint32(bytes.length), bytes]);
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
