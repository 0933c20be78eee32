import type { CircuitRelayTransportComponents } from '@libp2p/circuit-relay-v2';

type Components = Pick<CircuitRelayTransportComponents, 'addressManager' | 'transportManager'>;

/**
 * libp2p keeps a public address it listens on to itself until strangers have confirmed it. Members are to try every address: a wrong one costs
 * them one dial, a missing one keeps the instance from being found.
 */
export class OwnAddresses {
  #components: Components | undefined;

  /** Makes the libp2p service. */
  readonly service = ({ addressManager, transportManager }: Components): object => {
    this.#components = { addressManager, transportManager };
    return {};
  };

  /** Every address listened on now is told to others from now on. */
  confirm(): void {
    for (const address of this.#components?.transportManager.getAddrs() ?? []) {
      this.#components?.addressManager.confirmObservedAddr(address, { type: 'transport' });
    }
  }
}
