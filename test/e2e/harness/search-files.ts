/** Looking for a secret where it must not be. */

import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A secret in the forms in which it could stand somewhere: as it is, and in the encodings that programs use. */
export function formsOf(secret: string | Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(secret as Uint8Array);
  const [hex, base64] = [bytes.toString('hex'), bytes.toString('base64')];
  // In base64 the beginning depends on what stands before: the middle of each of three shifts does not.
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    return text.slice(4, text.length - 4 - (text.length % 4));
  });
  const url = base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return [bytes, ...[hex, hex.toUpperCase(), base64, url, ...shifted].map((text) => Buffer.from(text))];
}

/** True where any of the forms stands in the bytes. */
export function holdsAny(bytes: Uint8Array, forms: readonly Buffer[]): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return forms.some((form) => text.includes(form));
}

/** Files below a folder in which any of the forms stands. Sockets and what vanishes meanwhile are passed over. */
export function filesWith(folder: string, forms: readonly Buffer[]): readonly string[] {
  const entries: readonly Dirent[] = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => holdsAny(readIfThere(path), forms));
}

function readIfThere(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Uint8Array();
    throw error;
  }
}
