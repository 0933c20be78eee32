import type {
  CreateStreamOptions,
  MessageStream,
  StreamMuxer,
  StreamMuxerEvents,
  StreamMuxerFactory,
  StreamMuxerStatus,
} from '@libp2p/interface';
import { TypedEventEmitter } from '@libp2p/interface';
import type { Uint8ArrayList } from 'uint8arraylist';
import { assert } from '../../base/assert.ts';
import { GatewayError } from '../../base/errors.ts';
import { PEER_SILENT_MS, PING_MS, STREAMS_MAX } from '../bounds.ts';
import { encodeHeader, encodeSmallFrame, type FrameHandler, FrameKind, FrameParser } from './mux-frame.ts';
import { type MuxLink, MuxStream } from './mux-stream.ts';
import { MuxStreams, type StreamOpener } from './mux-streams.ts';
import { TlsConnection } from './tls-connection.ts';

const PROTOCOL = '/pam-access/1/streams';

/** Makes a multiplexer for every connection; only for `nativeTls`. The other side may open streams of these protocols. */
export function streamMuxer(protocols: ReadonlySet<string>): () => StreamMuxerFactory {
  return () => ({
    protocol: PROTOCOL,
    createStreamMuxer: (connection: MessageStream) => {
      assert(connection instanceof TlsConnection, 'the multiplexer runs inside native TLS');
      return new Muxer(connection, protocols);
    },
  });
}

/** Many streams in one connection: `mux-frame.ts` says how they stand on the wire. */
class Muxer
  extends TypedEventEmitter<StreamMuxerEvents<MuxStream>>
  implements StreamMuxer<MuxStream>, MuxLink, FrameHandler, StreamOpener
{
  readonly protocol = PROTOCOL;
  status: StreamMuxerStatus = 'open';
  /** Kept for the life of the connection. */
  readonly streams = new MuxStreams();
  /** A guess until the first pong. */
  roundTripMs = 1;
  heardAtMs = performance.now();
  readonly #connection: TlsConnection;
  readonly #protocols: ReadonlySet<string>;
  readonly #parser = new FrameParser(this);
  readonly #streams = new Map<number, MuxStream>();
  readonly #waiting = new Set<MuxStream>();
  readonly #isDialler: boolean;
  readonly #pinging: NodeJS.Timeout;
  #nextNumber: number;
  #lastRemoteNumber = 0;
  #pingedAtMs = 0;

  constructor(connection: TlsConnection, protocols: ReadonlySet<string>) {
    super();
    this.#protocols = protocols;
    this.#connection = connection;
    this.streams.opener = this;
    this.#isDialler = connection.direction === 'outbound';
    this.#nextNumber = this.#isDialler ? 1 : 2;
    this.#pinging = setInterval(() => this.#keepAlive(), PING_MS).unref();
    connection.addEventListener('close', () => this.#onConnectionClosed());
    connection.onRoom = () => this.#onRoom();
  }

  /** Reading begins when somebody is there to take streams. */
  override addEventListener(
    ...args: Parameters<TypedEventEmitter<StreamMuxerEvents<MuxStream>>['addEventListener']>
  ): void {
    super.addEventListener(...args);
    if (args[0] === 'stream') this.#connection.read((chunk) => this.#onChunk(chunk));
  }

  async createStream({ protocol = '' }: CreateStreamOptions = {}): Promise<MuxStream> {
    return this.open(protocol);
  }

  open(protocol: string): MuxStream {
    if (this.status !== 'open') throw new GatewayError('unreachable', 'the connection is closed');
    if (this.#streams.size >= STREAMS_MAX) {
      throw new GatewayError('unreachable', `${STREAMS_MAX} streams are open on this connection, no more are allowed`);
    }
    const number = this.#nextNumber;
    this.#nextNumber += 2;
    const name = Buffer.from(protocol);
    this.#connection.write([encodeHeader(FrameKind.open, number, name.length), name]);
    return this.#add(number, protocol, 'outbound');
  }

  async close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.status !== 'open') return;
    this.status = 'closing';
    await Promise.all(this.streams.map((stream) => stream.close(options)));
    this.#stop();
  }

  abort(error: Error): void {
    if (this.status === 'closed') return;
    this.#stop();
    for (const stream of [...this.streams]) stream.abort(error);
  }

  ping(): void {
    if (this.status !== 'open') return;
    this.#pingedAtMs = performance.now();
    this.sendFrame(FrameKind.ping, 0, 0);
  }

  sendData(stream: MuxStream, body: Uint8ArrayList): boolean {
    this.#connection.write([encodeHeader(FrameKind.data, stream.number, body.byteLength), ...body]);
    return !this.waitsForDrain(stream);
  }

  sendFrame(kind: FrameKind, stream: number, number?: number): void {
    this.#connection.write([encodeSmallFrame(kind, stream, number)]);
  }

  waitsForDrain(stream: MuxStream): boolean {
    if (!this.#connection.isFull) return false;
    this.#waiting.add(stream);
    return true;
  }

  onData(number: number, chunk: Uint8Array): void {
    // A stream that was reset here may still get what was on its way.
    this.#streams.get(number)?.onData(chunk);
  }

  onFrame(kind: FrameKind, number: number, body: Buffer): void {
    switch (kind) {
      case FrameKind.open:
        return this.#onOpen(number, body.toString());
      case FrameKind.credit:
        return this.#streams.get(number)?.onCredit(body.readUInt32BE());
      case FrameKind.finish:
        return this.#streams.get(number)?.onRemoteCloseWrite();
      case FrameKind.reset:
        return this.#streams.get(number)?.onRemoteReset();
      case FrameKind.ping:
        return this.sendFrame(FrameKind.pong, 0, body.readUInt32BE());
      case FrameKind.pong:
        this.roundTripMs = Math.max(1, performance.now() - this.#pingedAtMs);
        return;
      default:
        return;
    }
  }

  #onOpen(number: number, protocol: string): void {
    const isTheirs = number % 2 === (this.#isDialler ? 0 : 1);
    if (!isTheirs || number <= this.#lastRemoteNumber) {
      throw new GatewayError('bad-message', `stream ${number} can't be opened by the other side, or not again`);
    }
    this.#lastRemoteNumber = number;
    // libp2p remembers for good which protocols a peer has named: it is never told of made-up ones.
    const isWelcome = this.#protocols.has(protocol) && this.#streams.size < STREAMS_MAX;
    if (this.status !== 'open' || !isWelcome) return this.sendFrame(FrameKind.reset, number);
    const stream = this.#add(number, protocol, 'inbound');
    if (!this.streams.take(stream)) this.safeDispatchEvent('stream', { detail: stream });
  }

  #add(number: number, protocol: string, direction: 'inbound' | 'outbound'): MuxStream {
    const stream = new MuxStream({ link: this, number, protocol, direction, log: this.#connection.log });
    this.#streams.set(number, stream);
    stream.place = this.streams.push(stream) - 1;
    stream.addEventListener('close', () => this.#remove(stream));
    return stream;
  }

  #remove(stream: MuxStream): void {
    this.#waiting.delete(stream);
    if (!this.#streams.delete(stream.number)) return;
    const last = this.streams.pop();
    if (last === undefined || last === stream) return;
    this.streams[stream.place] = last;
    last.place = stream.place;
  }

  #onChunk(chunk: Uint8Array): void {
    this.heardAtMs = performance.now();
    try {
      this.#parser.push(chunk);
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      this.abort(reason);
      this.#connection.abort(reason);
    }
  }

  #onRoom(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const stream of waiting) stream.onMuxerDrain();
  }

  #keepAlive(): void {
    if (performance.now() - this.heardAtMs > PEER_SILENT_MS) {
      const reason = new GatewayError(
        'unreachable',
        `nothing was heard from the other side for ${PEER_SILENT_MS / 1000} s`,
      );
      return this.#connection.abort(reason);
    }
    this.ping();
  }

  /** Streams don't end in order when their connection goes away. */
  #onConnectionClosed(): void {
    this.#stop();
    const lost = new GatewayError('unreachable', 'the connection was lost');
    for (const stream of [...this.streams]) stream.abort(lost);
  }

  #stop(): void {
    this.status = 'closed';
    clearInterval(this.#pinging);
  }
}
