import type { Outcome, Session } from '../workload.ts';

/** Runs until the client closes its stream or is gone; whatever the client sends is dropped. */
export async function runLease({ accept, cancelled }: Session): Promise<Outcome> {
  const { stream } = accept();
  const { promise, resolve } = Promise.withResolvers<Outcome['state']>();
  const onAbort = (): void => {
    resolve('cancelled');
    stream.abort(new Error('cancelled'));
  };
  cancelled.addEventListener('abort', onAbort);
  stream.addEventListener('end', () => resolve('succeeded'));
  stream.addEventListener('close', () => resolve('succeeded'));
  stream.addEventListener('message', () => undefined);
  if (cancelled.aborted) onAbort();
  else if (stream.status !== 'open') resolve('succeeded');
  else if (stream.readStatus === 'paused') stream.resume();
  const state = await promise;
  cancelled.removeEventListener('abort', onAbort);
  // Fails only where the stream is gone already.
  await stream.close().catch(() => undefined);
  return { state, error: null, bytesIn: 0, bytesOut: 0 };
}
