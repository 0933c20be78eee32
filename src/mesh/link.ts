import type { Stream, StreamCloseEvent } from '@libp2p/interface';
import { LINK_BATCH_BYTES, LINK_QUEUE_BYTES_MAX, LINK_QUEUE_FRAMES_MAX } from './bounds.ts';
import { encodeFrameHeader, FRAME_OVERHEAD_BYTES, type Frame, FrameDecoder, type FrameKind } from './frame.ts';
import { spareWindowUpdates } from './window-updates.ts';

/** Why a link ended. */
export type LinkDownReason =
  /** The connection under it is gone. */
  | 'connection-closed'
  /** The peer ended it in order. */
  | 'closed-by-peer'
  /** The peer or the multiplexer broke it off. */
  | 'reset'
  /** The peer sent something that is no frame. */
  | 'bad-frame'
  /** The peer opened a newer one. */
  | 'replaced'
  /** The owner closed the connection. */
  | 'disconnected';

/** What a link needs. */
export interface LinkInit {
  readonly stream: Stream;
  onFrame(frame: Frame): void;
  /** Called once, unless `abort` ended it. */
  onClosed(reason: LinkDownReason, cause?: Error): void;
}

/**
 * One ordered channel of frames over one long-lived stream. Sending never waits: frames queue up to a bound and leave in joined writes
 * as fast as the peer reads. The order of `send` is the order of arrival.
 */
export class Link {
  readonly #init: LinkInit;
  readonly #decoder = new FrameDecoder();
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushScheduled = false;
  #closed = false;

  constructor(init: LinkInit) {
    this.#init = init;
    const { stream } = init;
    spareWindowUpdates(stream);
    stream.addEventListener('message', (event) => this.#receive(event.data.subarray()));
    // libp2p continues its own buffer in a microtask queued by this event: ours follows it.
    stream.addEventListener('drain', () => this.#scheduleFlush());
    stream.addEventListener('remoteCloseWrite', () => this.#end('closed-by-peer'));
    stream.addEventListener('close', (event) => this.#end(closeReason(event)));
  }

  /** Queues one frame; false, with nothing queued, when the link is closed or its queue is full. */
  send(kind: FrameKind, payload: Uint8Array): boolean {
    const bytes = payload.length + FRAME_OVERHEAD_BYTES;
    if (this.#closed || this.#queue.length >= 2 * LINK_QUEUE_FRAMES_MAX) return false;
    if (this.#queuedBytes + this.#init.stream.writeBufferLength + bytes > LINK_QUEUE_BYTES_MAX) return false;
    this.#queue.push(encodeFrameHeader(kind, payload.length), payload);
    this.#queuedBytes += bytes;
    this.#scheduleFlush();
    return true;
  }

  /** Ends the link after what is queued has left, or when the signal aborts. */
  async close(signal: AbortSignal): Promise<void> {
    const { stream } = this.#init;
    try {
      while (this.#queue.length > 0 && !this.#closed) {
        this.#flush();
        await stream.onDrain({ signal });
      }
      await stream.close({ signal });
    } catch {
      // The peer does not read or is gone: what it has not taken by now is lost with the link.
      this.abort(new Error('link closed before everything was sent'));
    }
  }

  /** Breaks the link off; what is queued is dropped. Does not call `onClosed`. */
  abort(cause: Error): void {
    this.#closed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#init.stream.abort(cause);
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#closed) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const { stream } = this.#init;
    while (!this.#closed && this.#queue.length > 0 && !stream.writableNeedsDrain) {
      try {
        stream.send(this.#takeBatch());
      } catch {
        this.#end('reset');
      }
    }
  }

  #takeBatch(): Uint8Array {
    let bytes = 0;
    let parts = 0;
    while (parts < this.#queue.length && bytes < LINK_BATCH_BYTES) bytes += this.#queue[parts++]?.length ?? 0;
    this.#queuedBytes -= bytes;
    return Buffer.concat(this.#queue.splice(0, parts), bytes);
  }

  #receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    try {
      this.#decoder.push(chunk, (frame) => {
        // A handler may have closed the link; what follows in the chunk is then dropped like everything later.
        if (!this.#closed) this.#init.onFrame(frame);
      });
    } catch (cause) {
      this.#end('bad-frame', cause instanceof Error ? cause : undefined);
    }
  }

  #end(reason: LinkDownReason, cause?: Error): void {
    if (this.#closed) return;
    this.abort(cause ?? new Error(`link ended: ${reason}`));
    this.#init.onClosed(reason, cause);
  }
}

function closeReason(event: StreamCloseEvent): LinkDownReason {
  if (event.error === undefined) return 'connection-closed';
  return event.local === true ? 'connection-closed' : 'reset';
}
