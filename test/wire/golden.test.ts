/**
 * Golden vectors: what each message looked like in hexadecimal when it was first released. They may grow, they never change: a change means that instances of
 * two versions do not understand each other. `UPDATE=1` writes what is missing and rewrites what has changed; commit that only when the change of the protocol is
 * meant and its version is raised.
 */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../src/wire/codec.ts';
import { directCodec } from '../../src/wire/mesh-message.ts';
import { anyDirect, DIRECT_KINDS, FAMILIES, type Family } from './message-samples.ts';

const folder = fileURLToPath(new URL('vectors', import.meta.url));
const updating = process.env['UPDATE'] === '1';
const VECTORS_EACH = 3;

const families: readonly Family<unknown>[] = [
  ...FAMILIES.filter(({ name }) => name !== 'direct'),
  ...DIRECT_KINDS.map(
    (kind) =>
      ({ name: `direct-${kind}`, codec: directCodec, bytesMax: 1024 * 1024, any: anyDirect(kind) }) as Family<unknown>,
  ),
];

interface Vector {
  readonly hex: string;
  /** SHA-256 of the value's JSON with its keys in order: says what the bytes mean without writing it out. */
  readonly meaning: string;
}

describe.each(families)('$name', (family) => {
  const path = join(folder, `${family.name}.json`);

  it('reads and writes its golden vectors as ever', () => {
    if (updating && !isCurrent(path, family)) write(path, sample(family));
    expect(existsSync(path), `${path} is missing: run with UPDATE=1`).toBe(true);
    const vectors = read(path);
    expect(vectors.map(({ hex }) => again(hex, family))).toEqual(vectors);
  });
});

function read(path: string): readonly Vector[] {
  return JSON.parse(readFileSync(path, 'utf8')) as readonly Vector[];
}

function again(hex: string, { codec, bytesMax }: Family<unknown>): Vector {
  const value = decode(codec, Buffer.from(hex, 'hex'), bytesMax);
  return { hex: Buffer.from(encode(codec, value)).toString('hex'), meaning: meaningOf(value) };
}

function isCurrent(path: string, family: Family<unknown>): boolean {
  try {
    return read(path).every((vector) => JSON.stringify(again(vector.hex, family)) === JSON.stringify(vector));
  } catch {
    return false;
  }
}

function sample(family: Family<unknown>): readonly Vector[] {
  return fc.sample(family.any, { seed: 1, numRuns: VECTORS_EACH }).map((value) => ({
    hex: Buffer.from(encode(family.codec, value)).toString('hex'),
    meaning: meaningOf(value),
  }));
}

function write(path: string, vectors: readonly Vector[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, `${JSON.stringify(vectors, null, 2)}\n`);
}

function meaningOf(value: unknown): string {
  const sorted = (_: string, inner: unknown): unknown => {
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString('hex');
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return createHash('sha256').update(JSON.stringify(value, sorted)).digest('hex').slice(0, 16);
}
