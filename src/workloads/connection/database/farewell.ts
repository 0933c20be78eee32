import type { Stream } from '@libp2p/interface';

/** Time for the last words to leave; a client that does not read them loses them. */
const FAREWELL_MS = 5_000;

/** Says the last words to a client and ends the session in order. */
export async function sayFarewell(stream: Stream, words?: Uint8Array): Promise<void> {
  if (words !== undefined && stream.writeStatus === 'writable') stream.send(words);
  // What the client still sends is of no interest, and unread it would keep the stream open.
  stream.addEventListener('message', () => undefined);
  if (stream.readStatus === 'paused') stream.resume();
  try {
    await stream.close({ signal: AbortSignal.timeout(FAREWELL_MS) });
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)));
  }
}
