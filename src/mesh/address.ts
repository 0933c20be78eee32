import { isIP, isIPv6 } from 'node:net';
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { GatewayError } from '../base/errors.ts';

/**
 * Pure: addresses of mesh listeners. People write `host:port`, `[2001:db8::1]:7400` or a multiaddr; libp2p takes multiaddrs.
 */

/** Where to dial, and who is expected there if the address says so. */
export interface DialAddress {
  /** Without the peer id. */
  readonly address: Multiaddr;
  readonly expectedPeer: string | undefined;
}

const HOST_AND_PORT = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]\s/]+)):(?<port>\d{1,5})$/;
const PORT_MAX = 65_535;

/** Understands what people and other instances write; throws `bad-usage` for everything else. */
export function parseDialAddress(text: string): DialAddress {
  const address = text.startsWith('/') ? parseMultiaddr(text) : parseHostAndPort(text);
  if (address === undefined) {
    throw new GatewayError('bad-usage', `"${text}" is no mesh address`, {
      remedy: 'Write HOST:PORT, [IPV6]:PORT, or a multiaddr such as /ip4/192.0.2.10/tcp/7400.',
    });
  }
  return address;
}

/** The multiaddr of a host (name or IP address) and port. */
export function formatMultiaddr(host: string, port: number): string {
  if (isIP(host) === 0) return `/dns/${host}/tcp/${port}`;
  return `/${isIPv6(host) ? 'ip6' : 'ip4'}/${host}/tcp/${port}`;
}

/** Announced addresses first, loopback last: whoever dials tries them in this order. */
export function orderListenAddresses(addresses: readonly string[], announced: readonly string[]): readonly string[] {
  const rank = (address: string): number => {
    if (announced.some((own) => address.startsWith(`${own}/`) || address === own)) return 0;
    return /^\/(?:ip4\/127\.|ip6\/::1\/)/.test(address) ? 2 : 1;
  };
  return [...addresses].sort((left, right) => rank(left) - rank(right));
}

function parseHostAndPort(text: string): DialAddress | undefined {
  const groups = HOST_AND_PORT.exec(text)?.groups;
  const host = groups?.['bracketed'] ?? groups?.['plain'];
  const port = Number(groups?.['port']);
  if (host === undefined || port < 1 || port > PORT_MAX) return undefined;
  if (groups?.['bracketed'] !== undefined && !isIPv6(host)) return undefined;
  return { address: multiaddr(formatMultiaddr(host, port)), expectedPeer: undefined };
}

function parseMultiaddr(text: string): DialAddress | undefined {
  try {
    const full = multiaddr(text);
    const names = full.getComponents().map(({ name }) => name);
    const [host, transport, last, ...more] = names;
    const isTcp = /^(?:ip4|ip6|dns|dns4|dns6)$/.test(host ?? '') && transport === 'tcp' && more.length === 0;
    if (!isTcp || (last !== undefined && last !== 'p2p')) return undefined;
    const expectedPeer = full.getComponents().findLast(({ code }) => code === CODE_P2P)?.value;
    return { address: full.decapsulateCode(CODE_P2P), expectedPeer };
  } catch {
    return undefined;
  }
}
