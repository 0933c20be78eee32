import type { PoolPort } from '../../pool-port.ts';
import { DIRECTORY_MS } from '../bounds.ts';

/** Where clients reach each member: asked for every job, while the view of a large pool takes a while to make. */
export class Directory {
  readonly #port: PoolPort;
  #addresses = new Map<string, readonly string[]>();
  #madeAtMs = Number.NEGATIVE_INFINITY;

  constructor(port: PoolPort) {
    this.#port = port;
  }

  /** Multiaddrs of the member's access plane, as of half a second ago at most; empty if it is not known. A new member is seen at once. */
  addressesOf(instanceId: string): readonly string[] {
    const known = this.#addresses.get(instanceId);
    const isFresh = performance.now() - this.#madeAtMs < DIRECTORY_MS;
    if (isFresh && known !== undefined) return known;
    const members = this.#port.view().members;
    this.#addresses = new Map(members.map(({ record }) => [record.instanceId, record.accessAddresses]));
    this.#madeAtMs = performance.now();
    return this.#addresses.get(instanceId) ?? [];
  }
}
