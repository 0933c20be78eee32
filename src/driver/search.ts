import type { Search } from '../core/index.ts';

/** Pure: how long to look for others, told by what an instance knows when it starts: addresses other than its own, or only local discovery. */
export function howToSearch(known: {
  readonly seeds: readonly string[];
  readonly own: readonly string[];
  readonly mdns: boolean;
}): Search {
  const own = new Set(known.own.map(hostPortOf));
  if (known.seeds.some((address) => !own.has(hostPortOf(address)))) return 'addresses-known';
  return known.mdns ? 'discovery-only' : 'nobody-to-find';
}

/** `host:port` inside an address, whichever form it has, for comparing with our own. */
function hostPortOf(address: string): string {
  const multiaddr = /^\/[a-z0-9]+\/([^/]+)\/tcp\/(\d+)/.exec(address);
  return multiaddr === null ? address : `${multiaddr[1]}:${multiaddr[2]}`;
}
