import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { NetworkRange } from '../../base/network-range.ts';
import { assertAddressAllowed } from '../../wire/discovery-scope.ts';
import type { Located } from './scan.ts';

/** A name that nobody has told the address of by then is left out. */
const LOOKUP_MS = 5000;

/**
 * Where hosts are: names are looked up once, and what is then dialled is the address that was checked, not the name again. Throws `not-allowed` for a host that
 * is outside of what the instance may look at. Names that nobody knows are left out, and noted.
 */
export async function locate(
  hosts: readonly string[],
  allowed: readonly NetworkRange[],
): Promise<{ readonly located: readonly Located[]; readonly notes: readonly string[] }> {
  const found = await Promise.all(hosts.map(async (host) => ({ host, address: await addressOf(host) })));
  const located = found.flatMap(({ host, address }) => (address === null ? [] : [{ host, address }]));
  for (const { host, address } of located) assertAddressAllowed(host, address, allowed);
  const lost = found.filter(({ address }) => address === null);
  return { located, notes: lost.map(({ host }) => `${host}: host name not found`) };
}

/** The address that a connection to the host would take first. */
async function addressOf(host: string): Promise<string | null> {
  if (isIP(host) !== 0) return host;
  const none = delay(LOOKUP_MS, null, { ref: false });
  return Promise.race([lookup(host).then(({ address }) => address), none]).catch(() => null);
}
