import type { Readable, Writable } from 'node:stream';

/** What has to be able to take more before more is read. */
export interface Brake {
  readonly isFull: boolean;
  drained(): Promise<void>;
}

/** A Node stream as a brake. */
export function brakeOf(stream: Writable): Brake {
  return {
    get isFull() {
      return stream.writableNeedDrain;
    },
    drained: () =>
      new Promise((resolve) => {
        if (!stream.writableNeedDrain || stream.destroyed) return resolve();
        const done = (): void => {
          stream.off('drain', done);
          stream.off('close', done);
          resolve();
        };
        stream.on('drain', done);
        stream.on('close', done);
      }),
  };
}

/** Hands on what a source gives, and lets it wait while any of the brakes is full. */
export function pour(source: Readable, onData: (chunk: Buffer) => void, brakes: readonly Brake[]): void {
  source.on('data', (chunk: Buffer) => {
    onData(chunk);
    const full = brakes.filter((brake) => brake.isFull);
    if (full.length === 0 || source.isPaused()) return;
    source.pause();
    void Promise.all(full.map((brake) => brake.drained())).then(() => source.resume());
  });
}
