import { type AddressRange, isInRange, parseAddressRange, parseIpAddress } from './address-range.ts';
import { formatRange, type Ipv4Range, isWithin, parseRange } from './ipv4-range.ts';

/** A network that something may reach into: IPv4 as numbers, IPv6 as its bits. */
export type NetworkRange = Ipv4Range | AddressRange;

/** A network as text: CIDR or an address of either kind, or FIRST-LAST of IPv4; undefined if it is none. */
export function parseNetworkRange(text: string): NetworkRange | undefined {
  const range = text.includes(':') ? parseAddressRange(text) : parseRange(text);
  // IPv4 inside IPv6 would be two ways to write one network.
  return range !== undefined && 'network' in range && range.network.length === 4 ? undefined : range;
}

/** True if all of an IPv4 range lies in the networks. */
export function coversRange(networks: readonly NetworkRange[], range: Ipv4Range): boolean {
  return isWithin(
    range,
    networks.flatMap((network) => ('first' in network ? [network] : [])),
  );
}

/** True if an address, of either kind, lies in one of the networks. */
export function coversAddress(networks: readonly NetworkRange[], address: string): boolean {
  const bytes = parseIpAddress(address);
  if (bytes === undefined) return false;
  const ipv4 = bytes.length === 4 ? parseRange(bytes.join('.')) : undefined;
  if (ipv4 !== undefined) return coversRange(networks, ipv4);
  return networks.some((network) => 'network' in network && isInRange(address, network));
}

/** As a person would write it. */
export function formatNetworkRange(range: NetworkRange): string {
  if ('first' in range) return formatRange(range);
  return `${formatIpv6(range.network)}/${range.prefixBits}`;
}

/** Sixteen bytes as an IPv6 address, its first run of zeros left out. */
export function formatIpv6(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  return groups.join(':').replace(/(?:^|:)0(?::0)+(?::|$)/, '::');
}
