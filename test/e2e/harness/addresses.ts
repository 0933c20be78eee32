/** Addresses nobody else uses: the whole of 127.0.0.0/8 is loopback on Linux, so every instance gets a host of its own. */

import { randomInt } from 'node:crypto';

/** Where an instance listens. */
export interface InstanceAddresses {
  /** `HOST:PORT`. */
  readonly mesh: string;
  /** `HOST:PORT`. */
  readonly access: string;
}

/** Hosts of one pool. */
const HOSTS_MAX = 250;
/** Below the ports that outgoing connections take. */
const [PORT_MIN, PORT_MAX] = [10_000, 30_000];

/**
 * Gives out addresses. Chosen before the instance listens, because the configuration names them; two pools of one machine meet with a
 * chance of one in thousands of millions. Where there is only one loopback host, by port alone.
 */
export function freeAddresses(): () => InstanceAddresses {
  const port = randomInt(PORT_MIN, PORT_MAX);
  const network = `127.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  let given = 0;
  return () => {
    given += 1;
    if (given > HOSTS_MAX) throw new Error(`a test pool has at most ${HOSTS_MAX} addresses`);
    if (process.platform !== 'linux')
      return { mesh: `127.0.0.1:${port + 2 * given}`, access: `127.0.0.1:${port + 2 * given + 1}` };
    return { mesh: `${network}.${given}:${port}`, access: `${network}.${given}:${port + 1}` };
  };
}
