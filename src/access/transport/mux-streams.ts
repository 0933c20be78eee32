import type { Connection, Stream } from '@libp2p/interface';
import { STREAMS_MAX } from '../bounds.ts';
import type { MuxStream } from './mux-stream.ts';

/** What the list needs of its multiplexer. */
export interface StreamOpener {
  /** Throws `unreachable` where no stream can be opened. */
  open(protocol: string): MuxStream;
}

/**
 * The streams of one connection, in no order. libp2p shows this very list as `connection.streams`, which is how our own code finds the short way: for each
 * stream libp2p counts all others, looks the peer up and writes it down again, and keeps a timer. That costs more than opening the stream, and ever more
 * the more there are.
 */
export class MuxStreams extends Array<MuxStream> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** The multiplexer; undefined only while it is made. */
  opener: StreamOpener | undefined;
  /** Takes an incoming stream; false leaves it to libp2p. */
  take: (stream: MuxStream) => boolean = () => false;
}

/** Opens a stream, the short way where there is one. */
export async function openStreamOn(connection: Connection, protocol: string, signal: AbortSignal): Promise<Stream> {
  const { streams } = connection;
  if (streams instanceof MuxStreams && streams.opener !== undefined) return streams.opener.open(protocol);
  return await connection.newStream(protocol, { signal, maxOutboundStreams: STREAMS_MAX });
}

/** What to do with incoming streams, by protocol. */
export type StreamTakers = ReadonlyMap<string, (stream: Stream, connection: Connection) => void>;

/** From now on incoming streams of these protocols come straight here. */
export function takeStreams(connection: Connection, takers: StreamTakers): void {
  const { streams } = connection;
  if (!(streams instanceof MuxStreams)) return;
  streams.take = (stream) => {
    const take = takers.get(stream.protocol);
    take?.(stream, connection);
    return take !== undefined;
  };
}
