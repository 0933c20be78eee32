import { isIP, isIPv6 } from 'node:net';
import { CODE_P2P, CODE_P2P_CIRCUIT, type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { GatewayError } from '../base/errors.ts';
import { RELAYED_ADDRESSES_MAX } from './bounds.ts';

/**
 * Pure: addresses of mesh listeners. People write `host:port`, `[2001:db8::1]:7400` or a multiaddr; libp2p takes multiaddrs.
 */

/** Where to dial, and who is expected there if the address says so. */
export interface DialAddress {
  /** Without the peer id, unless it leads through a relay, which has to be told it. */
  readonly address: Multiaddr;
  readonly expectedPeer: string | undefined;
}

const HOST_AND_PORT = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]\s/]+)):(?<port>\d{1,5})$/;
const PORT_MAX = 65_535;
/** The protocols of an address of ours: direct, with or without the peer id, or through a relay. */
const ADDRESS_SHAPE = /^(?:ip4|ip6|dns|dns4|dns6)\/tcp(?:(|\/p2p)|(\/p2p\/p2p-circuit\/p2p))$/;

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

/** Announced addresses first, those through relays after the direct ones, loopback last: whoever dials tries them in this order. */
export function orderListenAddresses(addresses: readonly string[], announced: readonly string[]): readonly string[] {
  const rank = (address: string): number => {
    if (relayOf(address) !== undefined) return 2;
    if (announced.some((own) => address.startsWith(`${own}/`) || address === own)) return 0;
    return isLoopback(address) ? 3 : 1;
  };
  const ordered = [...addresses].sort((left, right) => rank(left) - rank(right));
  const told = new Map<string, number>();
  return ordered.filter((address) => {
    const relay = relayOf(address);
    if (relay === undefined) return true;
    const before = told.get(relay) ?? 0;
    told.set(relay, before + 1);
    return before < RELAYED_ADDRESSES_MAX;
  });
}

/** The relay that an address leads through. */
export function relayOf(address: string): string | undefined {
  return /\/p2p\/([^/]+)\/p2p-circuit(?:\/|$)/.exec(address)?.[1];
}

/** True for an address, also of an open connection, that leads through a relay. */
export function isRelayed(address: Multiaddr): boolean {
  return address.getComponents().some(({ code }) => code === CODE_P2P_CIRCUIT);
}

/** True for an address of the machine that reads it. */
export function isLoopback(address: string): boolean {
  return /^\/(?:ip4\/127\.|ip6\/::1\/)/.test(address);
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
    const shape = full.getComponents().map(({ name }) => name);
    const [, direct, relayed] = ADDRESS_SHAPE.exec(shape.join('/')) ?? [];
    const expectedPeer = full.getComponents().findLast(({ code }) => code === CODE_P2P)?.value;
    if (relayed !== undefined) return { address: full, expectedPeer };
    return direct === undefined ? undefined : { address: full.decapsulateCode(CODE_P2P), expectedPeer };
  } catch {
    return undefined;
  }
}
