import type { AbortOptions, MessageStreamDirection } from '@libp2p/interface';
import { AbstractStream, type SendResult } from '@libp2p/utils';
import type { Uint8ArrayList } from 'uint8arraylist';
import { GatewayError } from '../../base/errors.ts';
import { STREAM_WINDOW_BYTES_MAX } from '../bounds.ts';
import { CREDIT_BYTES_FIRST, DATA_BYTES_MAX, FrameKind } from './mux-frame.ts';

/** What a stream needs of its multiplexer. */
export interface MuxLink {
  /** Sends a frame; false if the connection is full, which `onMuxerDrain` ends. */
  sendData(stream: MuxStream, body: Uint8ArrayList): boolean;
  sendFrame(kind: FrameKind, stream: number, number?: number): void;
  /** The connection is full: nothing may be sent on it now, and the stream is told when that is over. */
  waitsForDrain(stream: MuxStream): boolean;
  /** Round trip of the connection, in milliseconds. */
  readonly roundTripMs: number;
  /** When anything arrived on the connection, monotonic milliseconds. */
  readonly heardAtMs: number;
  /** Asks the other side for a sign of life. */
  ping(): void;
}

/** What a stream is made of. */
export interface MuxStreamInit {
  readonly link: MuxLink;
  readonly number: number;
  readonly protocol: string;
  readonly direction: MessageStreamDirection;
  readonly log: ConstructorParameters<typeof AbstractStream>[0]['log'];
}

/**
 * One stream of a connection. Its sender may have as many bytes on the way as its receiver has given credit for; the receiver gives new credit
 * for what was really taken from it, so that a paused stream holds at most one window.
 */
export class MuxStream extends AbstractStream {
  /** Number on the wire. */
  readonly number: number;
  /** Where it stands among the streams of its connection. */
  place = 0;
  readonly #link: MuxLink;
  /** Bytes that may still be sent. */
  #credit = CREDIT_BYTES_FIRST;
  /** Bytes that the other side may have on the way in all; grows while it uses them up within a few round trips. */
  #window = CREDIT_BYTES_FIRST;
  /** Credit given so far, and bytes received so far. */
  #granted = CREDIT_BYTES_FIRST;
  #received = 0;
  #grantedAtMs = performance.now();

  constructor({ link, number, protocol, direction, log }: MuxStreamInit) {
    super({
      id: String(number),
      protocol,
      direction,
      log,
      maxMessageSize: DATA_BYTES_MAX,
      // What the credit allows, and what is put back in front once.
      maxReadBufferLength: 2 * STREAM_WINDOW_BYTES_MAX,
    });
    this.number = number;
    this.#link = link;
  }

  /** When anything arrived on the connection, of whatever stream; monotonic milliseconds. */
  get heardAtMs(): number {
    return this.#link.heardAtMs;
  }

  /** Asks the other side of the connection for a sign of life. */
  probe(): void {
    this.#link.ping();
  }

  override sendData(data: Uint8ArrayList): SendResult {
    const sentBytes = Math.min(this.#credit, data.byteLength);
    if (sentBytes === 0 || this.#link.waitsForDrain(this)) return { sentBytes: 0, canSendMore: false };
    this.#credit -= sentBytes;
    const all = sentBytes === data.byteLength;
    const hasRoom = this.#link.sendData(this, all ? data : data.sublist(0, sentBytes));
    return { sentBytes, canSendMore: all && hasRoom };
  }

  override sendReset(): void {
    this.#link.sendFrame(FrameKind.reset, this.number);
  }

  override async sendCloseWrite(): Promise<void> {
    this.#link.sendFrame(FrameKind.finish, this.number);
  }

  /** There is no such message: who does not want to read on resets. */
  override async sendCloseRead(options?: AbortOptions): Promise<void> {
    options?.signal?.throwIfAborted();
  }

  /** Nothing to say: the other side stops when its credit is used up. */
  override sendPause(): void {}

  override sendResume(): void {
    this.#grant();
  }

  /** Bytes arrived; throws `bad-message` if the other side had no credit for them. */
  override onData(data: Uint8Array): void {
    this.#received += data.length;
    if (this.#received > this.#granted) {
      throw new GatewayError('bad-message', `stream ${this.number}: more bytes than its credit of ${this.#window}`);
    }
    super.onData(data);
  }

  /** The other side gave credit. */
  onCredit(bytes: number): void {
    this.#credit += bytes;
    if (this.writableNeedsDrain) this.safeDispatchEvent('drain');
  }

  protected override dispatchReadBuffer(): void {
    super.dispatchReadBuffer();
    this.#grant();
  }

  /** Gives credit for what was taken, half a window at a time. */
  #grant(): void {
    const taken = this.#received - this.readBuffer.byteLength;
    const owed = taken + this.#window - this.#granted;
    if (owed < this.#window / 2 || this.status !== 'open') return;
    const nowMs = performance.now();
    const isBusy = nowMs - this.#grantedAtMs < 4 * this.#link.roundTripMs;
    const more = isBusy && this.#window < STREAM_WINDOW_BYTES_MAX ? this.#window : 0;
    this.#window += more;
    this.#granted += owed + more;
    this.#grantedAtMs = nowMs;
    this.#link.sendFrame(FrameKind.credit, this.number, owed + more);
  }
}
