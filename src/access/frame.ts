import type { Stream } from '@libp2p/interface';
import { GatewayError } from '../base/errors.ts';
import { FrameCutter } from '../wire/framing.ts';
import { resumeReading } from './stream-state.ts';

export { encodeFrame, FrameCutter } from '../wire/framing.ts';

/** How to take one frame off a stream. */
export interface TakeFrameInit {
  readonly payloadBytesMax: number;
  readonly signal: AbortSignal;
}

/**
 * The first frame of a stream. What stands behind it stays in the stream, which is left paused: nothing is lost and no more is
 * sent until somebody reads on. Throws `bad-message` for what is no frame, `unreachable` if the stream ends first.
 */
export async function takeFrame(stream: Stream, init: TakeFrameInit): Promise<Uint8Array> {
  const cutter = new FrameCutter(init.payloadBytesMax);
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const onMessage = ({ data }: { data: Uint8Array | Iterable<Uint8Array> }): void => {
    for (const chunk of data instanceof Uint8Array ? [data] : data) cutter.push(chunk);
    try {
      const frame = cutter.next();
      if (frame === undefined) return;
      release();
      const rest = cutter.rest();
      if (rest.length > 0) stream.unshift(rest);
      resolve(frame);
    } catch (error) {
      reject(error);
    }
  };
  const onEnd = (): void => reject(new GatewayError('unreachable', 'the other side closed the stream'));
  const onAbort = (): void => reject(new GatewayError('timeout', 'no answer in time', { cause: init.signal.reason }));
  const release = (): void => {
    if (stream.readStatus === 'readable') stream.pause();
    stream.removeEventListener('message', onMessage);
  };
  stream.addEventListener('message', onMessage);
  stream.addEventListener('end', onEnd);
  stream.addEventListener('close', onEnd);
  init.signal.addEventListener('abort', onAbort, { once: true });
  try {
    init.signal.throwIfAborted();
    if (stream.readableEnded || stream.status !== 'open') onEnd();
    resumeReading(stream);
    return await promise;
  } finally {
    release();
    stream.removeEventListener('end', onEnd);
    stream.removeEventListener('close', onEnd);
    init.signal.removeEventListener('abort', onAbort);
  }
}
