/** Pure: how a password is proved without being sent. Source: MySQL 8.0 source documentation, "Native Authentication" and "Caching_sha2_password information". */
import { createHash } from 'node:crypto';

/** `mysql_native_password`: SHA1(password) ⊕ SHA1(scramble + SHA1(SHA1(password))). */
export function proveNative(password: string, scramble: Buffer): Buffer {
  if (password === '') return Buffer.alloc(0);
  const once = digest('sha1', Buffer.from(password));
  return xor(once, digest('sha1', scramble, digest('sha1', once)));
}

/** `caching_sha2_password`, fast: SHA256(password) ⊕ SHA256(SHA256(SHA256(password)) + scramble). */
export function proveCachingSha2(password: string, scramble: Buffer): Buffer {
  if (password === '') return Buffer.alloc(0);
  const once = digest('sha256', Buffer.from(password));
  return xor(once, digest('sha256', digest('sha256', once), scramble));
}

/** The password as it is encrypted with the server's key: hidden by the scramble, with the zero byte that ends it. */
export function hidePassword(password: string, scramble: Buffer): Buffer {
  const plain = Buffer.from(`${password}\0`);
  return Buffer.from(plain.map((byte, place) => byte ^ (scramble[place % scramble.length] ?? 0)));
}

function digest(algorithm: 'sha1' | 'sha256', ...parts: readonly Buffer[]): Buffer {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, place) => byte ^ (right[place] ?? 0)));
}
