import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { GatewayError } from '../../base/errors.ts';
import type { PoolPort } from '../../pool-port.ts';
import { Protocol } from '../../wire/protocols.ts';
import { dialAddresses } from '../address.ts';
import { DIAL_TIMEOUT_MS, STREAMS_MAX } from '../bounds.ts';
import { carryStreams } from '../carry-stream.ts';
import { encodeFrame } from '../frame.ts';
import { resumeReading, trySend } from '../stream-state.ts';
import { accessAddressesOf } from './pages.ts';
import type { VerifiedClaim } from './sessions.ts';

/** Carries sessions to workers that their clients cannot reach. One hop: whoever is dialled is the worker. */
export class Relay {
  readonly #node: Libp2p;
  readonly #port: PoolPort;

  constructor(node: Libp2p, port: PoolPort) {
    this.#node = node;
    this.#port = port;
  }

  /** Passes the claim on unchanged, then everything that follows, both ways. Throws `unreachable` if the worker can't be reached. */
  async carry(stream: Stream, { claim, sealed }: VerifiedClaim): Promise<void> {
    const onward = await this.#open(claim.worker);
    trySend(onward, encodeFrame(sealed));
    resumeReading(stream);
    await carryStreams(stream, onward);
  }

  async #open(worker: string): Promise<Stream> {
    const addresses = accessAddressesOf(this.#port, worker);
    const signal = AbortSignal.timeout(DIAL_TIMEOUT_MS);
    if (addresses.length === 0)
      throw new GatewayError('unreachable', `no access address of instance ${worker} is known here`);
    try {
      const connection: Connection = await this.#node.dial(
        dialAddresses(addresses, worker).map((text) => multiaddr(text)),
        { signal },
      );
      return await connection.newStream(Protocol.accessSession, { signal, maxOutboundStreams: STREAMS_MAX });
    } catch (cause) {
      throw new GatewayError('unreachable', `instance ${worker} can't be reached from the entry`, { cause });
    }
  }
}
