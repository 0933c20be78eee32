import type { Stream } from '@libp2p/interface';
import { onWritable, pauseReading, resumeReading, trySend } from './stream-state.ts';

/** Carries bytes both ways between two streams until both directions are closed, as `carrySocket` does between a stream and a socket. */
export async function carryStreams(left: Stream, right: Stream): Promise<void> {
  const breakOff = (): void => {
    left.abort(new Error('relayed stream broke off'));
    right.abort(new Error('relayed stream broke off'));
  };
  const rightward = carryOneWay(left, right, breakOff);
  const leftward = carryOneWay(right, left, breakOff);
  await Promise.all([rightward, leftward]);
}

/** Carries from one to the other; done when `from` is closed altogether. */
function carryOneWay(from: Stream, to: Stream, breakOff: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let finished = from.remoteWriteStatus === 'closed';
  let ended = false;
  const isBroken = (): boolean => !finished || from.status === 'aborted' || from.status === 'reset';
  const onMessage = ({ data }: { data: Parameters<Stream['send']>[0] }): void => {
    const canTakeMore = trySend(to, data);
    if (canTakeMore === undefined) return breakOff();
    if (!canTakeMore) pauseReading(from);
  };
  const onFinished = (): void => {
    finished = true;
  };
  const onEnd = (): void => {
    if (ended) return;
    ended = true;
    if (isBroken()) return breakOff();
    // Fails only where the stream broke, which its own `close` reports.
    to.close().catch(() => undefined);
  };
  const onClose = (): void => {
    if (isBroken()) breakOff();
    if (ended || from.status !== 'closed') settle();
  };
  const settle = (): void => {
    unbind();
    unbindWritable();
    resolve();
  };
  const unbindWritable = onWritable(to, () => resumeReading(from));
  const unbind = (): void => {
    from.removeEventListener('message', onMessage);
    from.removeEventListener('remoteCloseWrite', onFinished);
    from.removeEventListener('end', onEnd);
    from.removeEventListener('close', onClose);
  };
  from.addEventListener('remoteCloseWrite', onFinished);
  from.addEventListener('end', onEnd);
  from.addEventListener('close', onClose);
  from.addEventListener('message', onMessage);
  if (from.status !== 'open') onClose();
  else if (finished && from.readBufferLength === 0) onEnd();
  resumeReading(from);
  return promise;
}
