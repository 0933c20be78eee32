import { isIP, isIPv6 } from 'node:net';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { GatewayError } from '../base/errors.ts';

/** Pure: addresses of access listeners. People write `host:port`, `[2001:db8::1]:7401` or a multiaddr; libp2p takes multiaddrs. */

const HOST_AND_PORT = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]\s/]+)):(?<port>\d{1,5})$/;
const PORT_MAX = 65_535;
const PEER_SUFFIX = /\/p2p\/[^/]+$/;

/** The multiaddr of what a person or an instance wrote; throws `bad-usage` for everything else. */
export function parseAccessAddress(text: string): string {
  const parsed = text.startsWith('/') ? parseMultiaddr(text) : parseHostAndPort(text);
  if (parsed !== undefined) return parsed;
  throw new GatewayError('bad-usage', `"${text}" is no address of a gateway`, {
    remedy: 'Write HOST:PORT, [IPV6]:PORT, or a multiaddr such as /ip4/192.0.2.10/tcp/7401.',
  });
}

/** The multiaddr of a host (name or IP address) and port. */
export function formatMultiaddr(host: string, port: number): string {
  if (isIP(host) === 0) return `/dns/${host}/tcp/${port}`;
  return `/${isIPv6(host) ? 'ip6' : 'ip4'}/${host}/tcp/${port}`;
}

/** Addresses at which exactly this instance is expected; those that make no sense are left out. */
export function dialAddresses(addresses: readonly string[], instanceId: string): readonly string[] {
  return addresses.flatMap((text) => {
    const parsed = text.startsWith('/') ? parseMultiaddr(text) : parseHostAndPort(text);
    return parsed === undefined ? [] : [`${parsed.replace(PEER_SUFFIX, '')}/p2p/${instanceId}`];
  });
}

/** The host in an address of a connection; empty if it has none. */
export function hostOf(address: Multiaddr): string {
  const [host] = address.getComponents();
  return host?.value ?? '';
}

function parseHostAndPort(text: string): string | undefined {
  const groups = HOST_AND_PORT.exec(text)?.groups;
  const host = groups?.['bracketed'] ?? groups?.['plain'];
  const port = Number(groups?.['port']);
  if (host === undefined || port < 1 || port > PORT_MAX) return undefined;
  if (groups?.['bracketed'] !== undefined && !isIPv6(host)) return undefined;
  return formatMultiaddr(host, port);
}

function parseMultiaddr(text: string): string | undefined {
  try {
    const names = multiaddr(text)
      .getComponents()
      .map(({ name }) => name);
    const [host, transport, last, ...more] = names;
    const isTcp = /^(?:ip4|ip6|dns|dns4|dns6)$/.test(host ?? '') && transport === 'tcp' && more.length === 0;
    return isTcp && (last === undefined || last === 'p2p') ? text : undefined;
  } catch {
    return undefined;
  }
}
