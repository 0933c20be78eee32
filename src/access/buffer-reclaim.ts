import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Every read of a socket allocates a fresh buffer outside of V8's heap. They die young, but the young generation is only collected when the *objects* in
 * it fill it, and a buffer of 64 KiB is an object of a few bytes: so what triggers a collection is the limit on memory outside of
 * the heap, and that collection is a full one. Measured: 70 full collections per GB carried, more than half of all CPU. Collecting the young generation every
 * few megabytes instead costs a millisecond each and leaves nothing for the full one to do.
 */
export class BufferReclaim {
  readonly #collectYoung: () => void;
  #bytes = 0;

  constructor(collectYoung: () => void = youngCollector()) {
    this.#collectYoung = collectYoung;
  }

  /** So many bytes were read into fresh buffers. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < RECLAIM_BYTES) return;
    this.#bytes = 0;
    this.#collectYoung();
  }
}

/** Between two collections. Below V8's 64 MiB with room for both sides of a connection; raising it brings full collections back. */
const RECLAIM_BYTES = 8 * 1024 * 1024;

function youngCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return typeof collect === 'function' ? () => collect({ type: 'minor' }) : () => undefined;
}
