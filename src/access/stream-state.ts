import type { Stream } from '@libp2p/interface';

/** Lets a paused stream deliver again; one that has ended meanwhile is left alone (libp2p throws there). */
export function resumeReading(stream: Stream): void {
  if (stream.readStatus === 'paused') stream.resume();
}

/** Stops delivery; one that has ended meanwhile is left alone (libp2p throws there). */
export function pauseReading(stream: Stream): void {
  if (stream.readStatus === 'readable') stream.pause();
}

/** Sends, or says that the stream is gone: `undefined`. Otherwise true if more may follow at once. */
export function trySend(stream: Stream, data: Parameters<Stream['send']>[0]): boolean | undefined {
  if (stream.writeStatus !== 'writable') return undefined;
  try {
    return stream.send(data);
  } catch {
    return undefined;
  }
}

/** Calls back whenever a stream that was full can really take more: libp2p also says `drain` where only the connection below can. */
export function onWritable(stream: Stream, callback: () => void): () => void {
  // The stream's own listener runs first, and tries to send what is queued in a microtask.
  const check = (): void =>
    queueMicrotask(() => {
      if (!stream.writableNeedsDrain) callback();
    });
  stream.addEventListener('drain', check);
  return () => stream.removeEventListener('drain', check);
}

/** True if the other side has closed its writing end in good order; false for one that vanished. */
export function isEndedInOrder(stream: Stream): boolean {
  return stream.remoteWriteStatus === 'closed' && stream.status !== 'aborted' && stream.status !== 'reset';
}
