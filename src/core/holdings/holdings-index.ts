import { digestText, formatHex, sha256 } from '../../base/bytes.ts';
import { type Holding, RECORD_BUCKETS } from '../../wire/mesh-message.ts';

/** Numbers that a bucket's digest adds up: the 32 bytes of a SHA-256, four at a time. */
const LANES = 8;

interface Bucket {
  readonly digests: Map<string, string>;
  readonly sum: Uint32Array;
  digest: string | undefined;
}

/**
 * Keys with a digest each, in buckets whose digests tell two members what they hold differently. A bucket's digest is over the sum of its keys'
 * hashes, so that one change among 100,000 keys costs one hash, whatever order they came in.
 */
export class HoldingsIndex {
  readonly #buckets: readonly Bucket[] = Array.from({ length: RECORD_BUCKETS }, () => ({
    digests: new Map(),
    sum: new Uint32Array(LANES),
    digest: '',
  }));
  #digest: string | undefined;

  /** Digest over everything. */
  get digest(): string {
    this.#digest ??= digestText(this.digests());
    return this.#digest;
  }

  /** The digest of each bucket; empty text for an empty one. */
  digests(): readonly string[] {
    return this.#buckets.map((bucket) => {
      bucket.digest ??= bucket.digests.size === 0 ? '' : formatHex(sha256(bytesOf(bucket.sum))).slice(0, 16);
      return bucket.digest;
    });
  }

  /** What stands at a key; undefined: nothing. */
  digestOf(key: string): string | undefined {
    return this.#bucketOf(key)?.digests.get(key);
  }

  /** Sets what stands at a key; undefined removes it. */
  set(key: string, digest: string | undefined): void {
    const bucket = this.#bucketOf(key);
    if (bucket === undefined) return;
    const before = bucket.digests.get(key);
    if (before === digest) return;
    if (before !== undefined) add(bucket.sum, key, before, -1);
    if (digest === undefined) bucket.digests.delete(key);
    else {
      bucket.digests.set(key, digest);
      add(bucket.sum, key, digest, 1);
    }
    bucket.digest = undefined;
    this.#digest = undefined;
  }

  /** The keys of the buckets whose digest is not the one in `theirs`, whole buckets, until there are `most`. */
  differing(theirs: readonly string[], most: number): readonly Holding[] {
    const items: Holding[] = [];
    for (const [index, own] of this.digests().entries()) {
      if (own === theirs[index]) continue;
      const digests = this.#buckets[index]?.digests ?? new Map<string, string>();
      if (items.length > 0 && items.length + digests.size > most) break;
      for (const [key, digest] of digests) if (items.length < most) items.push({ key, digest });
    }
    return items;
  }

  #bucketOf(key: string): Bucket | undefined {
    return this.#buckets[(sha256(key)[0] ?? 0) % RECORD_BUCKETS];
  }
}

function add(sum: Uint32Array, key: string, digest: string, sign: 1 | -1): void {
  const hash = sha256(`${key} ${digest}`);
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength);
  for (let lane = 0; lane < LANES; lane++) sum[lane] = (sum[lane] ?? 0) + sign * view.getUint32(lane * 4);
}

function bytesOf(sum: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(LANES * 4);
  const view = new DataView(bytes.buffer);
  for (const [lane, value] of sum.entries()) view.setUint32(lane * 4, value);
  return bytes;
}
