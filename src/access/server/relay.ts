import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { GatewayError } from '../../base/errors.ts';
import { SESSION_ANSWER_BYTES_MAX } from '../../wire/access-session.ts';
import { Protocol } from '../../wire/protocols.ts';
import { dialAddresses } from '../address.ts';
import { SESSION_READY_MS } from '../bounds.ts';
import { carryStreams } from '../carry-stream.ts';
import { Deadline } from '../deadline.ts';
import { encodeFrame, takeFrame } from '../frame.ts';
import { LivenessWatch } from '../liveness.ts';
import { trySend } from '../stream-state.ts';
import { openStreamOn } from '../transport/mux-streams.ts';
import type { Directory } from './directory.ts';
import type { VerifiedClaim } from './sessions.ts';

/** Carries sessions to workers that their clients cannot reach. One hop: whoever is dialled is the worker. */
export class Relay {
  readonly #node: Libp2p;
  readonly #directory: Directory;

  constructor(node: Libp2p, directory: Directory) {
    this.#node = node;
    this.#directory = directory;
  }

  /** Passes the claim on unchanged, then everything that follows, both ways. Throws `unreachable` if the worker can't be reached. */
  async carry(stream: Stream, { claim, sealed }: VerifiedClaim): Promise<void> {
    using deadline = new Deadline(SESSION_READY_MS);
    const onward = await this.#open(claim.worker, deadline.signal);
    const onGone = (): void => onward.abort(new Error('the client is gone'));
    stream.addEventListener('close', onGone);
    try {
      trySend(onward, encodeFrame(sealed));
      trySend(stream, encodeFrame(await takeAnswer(onward, deadline.signal)));
    } catch (cause) {
      onward.abort(new Error('no answer'));
      throw new GatewayError('unreachable', `instance ${claim.worker} does not answer the entry`, { cause });
    } finally {
      stream.removeEventListener('close', onGone);
    }
    await carryStreams(stream, onward);
  }

  async #open(worker: string, signal: AbortSignal): Promise<Stream> {
    const addresses = this.#directory.addressesOf(worker);
    if (addresses.length === 0)
      throw new GatewayError('unreachable', `no access address of instance ${worker} is known here`);
    try {
      const connection: Connection = await this.#node.dial(
        dialAddresses(addresses, worker).map((text) => multiaddr(text)),
        { signal },
      );
      return await openStreamOn(connection, Protocol.accessSession, signal);
    } catch (cause) {
      throw new GatewayError('unreachable', `instance ${worker} can't be reached from the entry`, { cause });
    }
  }
}

async function takeAnswer(onward: Stream, signal: AbortSignal): Promise<Uint8Array> {
  using _watch = new LivenessWatch(onward, () => onward.abort(new Error('the worker is silent')));
  return await takeFrame(onward, { payloadBytesMax: SESSION_ANSWER_BYTES_MAX, signal });
}
