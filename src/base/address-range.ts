/** IP addresses and ranges as text: whether one lies in the other. IPv4 inside IPv6 (`::ffff:192.0.2.1`) counts as IPv4. */

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** A range in CIDR notation: its network, and how many of its bits count. */
export interface AddressRange {
  readonly network: readonly number[];
  readonly prefixBits: number;
}

/** The range in text such as `10.0.0.0/8`, `2001:db8::/32` or one address; undefined if it is none. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [address = '', prefix, ...more] = text.split('/');
  const network = parseIpAddress(address);
  if (network === undefined || more.length > 0) return undefined;
  if (prefix === undefined) return { network, prefixBits: network.length * 8 };
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > network.length * 8) return undefined;
  return { network, prefixBits: Number(prefix) };
}

/** True when the address, as text, lies in the range. */
export function isInRange(address: string, { network, prefixBits }: AddressRange): boolean {
  const bytes = parseIpAddress(address);
  if (bytes === undefined || bytes.length !== network.length) return false;
  for (let bit = 0; bit < prefixBits; bit++) {
    const mask = 0x80 >> (bit & 7);
    if (((bytes[bit >> 3] ?? 0) & mask) !== ((network[bit >> 3] ?? 0) & mask)) return false;
  }
  return true;
}

/** The bytes of an IP address, 4 or 16 of them; undefined if the text is none. */
export function parseIpAddress(text: string): readonly number[] | undefined {
  if (!text.includes(':')) return parseIpv4(text);
  const bytes = parseIpv6(text.replace(/%.*$/, ''));
  if (bytes === undefined) return undefined;
  return MAPPED_PREFIX.every((byte, index) => bytes[index] === byte) ? bytes.slice(MAPPED_PREFIX.length) : bytes;
}

function parseIpv4(text: string): readonly number[] | undefined {
  const parts = text.split('.');
  // Leading zeros are read as octal by some programs: refused, as the standard library does.
  const isRight = parts.length === IPV4_BYTES && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part));
  const bytes = parts.map(Number);
  return isRight && bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map(parseGroups);
  if (head.includes(-1) || tail.includes(-1)) return undefined;
  const missing = IPV6_BYTES - head.length - tail.length;
  if (halves.length === 1) return missing === 0 ? head : undefined;
  return missing < 2 ? undefined : [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

/** Bytes of groups between colons; -1 among them where one is wrong. */
function parseGroups(text: string): readonly number[] {
  if (text === '') return [];
  const groups = text.split(':');
  return groups.flatMap((group, index) => {
    if (index === groups.length - 1 && group.includes('.')) return parseIpv4(group) ?? [-1];
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return [-1];
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
