import { isIP, isIPv6 } from 'node:net';
import { multiaddr } from '@multiformats/multiaddr';
import { ADDRESS_LENGTH_MAX } from '../wire/bounds.ts';

/**
 * Pure: addresses as people write them: `host:port` with a DNS name, an IPv4 address or a bracketed IPv6 address, and multiaddrs.
 */

/** A place to listen or to dial. */
export interface HostPort {
  /** DNS name or IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Greatest TCP port. */
export const PORT_MAX = 65_535;

const HOST_AND_PORT = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]\s/]+)):(?<port>\d{1,5})$/;
/** RFC 1123, section 2.1: labels of letters, digits and hyphens; underscores too, as container networks use them. */
const DNS_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;
const LOOKS_LIKE_IPV4 = /^[\d.]+$/;

/** The address in `text`, or undefined if it is none. Port 0 is allowed. */
export function parseHostPort(text: string): HostPort | undefined {
  const groups = HOST_AND_PORT.exec(text)?.groups;
  const bracketed = groups?.['bracketed'];
  const host = bracketed ?? groups?.['plain'];
  const port = Number(groups?.['port']);
  if (host === undefined || !(port <= PORT_MAX)) return undefined;
  const isHost = bracketed === undefined ? isIPv4OrName(host) : isIPv6(host);
  return isHost ? { host, port } : undefined;
}

/** The text that `parseHostPort` reads back. */
export function formatHostPort({ host, port }: HostPort): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Why `text` cannot be dialled, or undefined if it can: `host:port`, or a multiaddr of TCP with or without a peer id. */
export function explainDialAddress(text: string): string | undefined {
  if (text.length > ADDRESS_LENGTH_MAX) return `is longer than ${ADDRESS_LENGTH_MAX} characters`;
  const target = text.startsWith('/') ? parseTcpMultiaddr(text) : parseHostPort(text);
  if (target === undefined) return 'is neither HOST:PORT nor a multiaddr of TCP';
  if (target.port === 0) return 'has port 0, which nobody can dial';
  if (target.host === '0.0.0.0' || target.host === '::')
    return 'stands for every address of a machine, which nobody can dial';
  return undefined;
}

function isIPv4OrName(host: string): boolean {
  if (LOOKS_LIKE_IPV4.test(host)) return isIP(host) === 4;
  return DNS_NAME.test(host);
}

function parseTcpMultiaddr(text: string): HostPort | undefined {
  try {
    const components = multiaddr(text).getComponents();
    const [host, transport, peer, ...more] = components;
    const isHost = host !== undefined && /^(?:ip4|ip6|dns|dns4|dns6)$/.test(host.name);
    if (!isHost || transport?.name !== 'tcp' || more.length > 0) return undefined;
    if (peer !== undefined && peer.name !== 'p2p') return undefined;
    return { host: host.value ?? '', port: Number(transport.value) };
  } catch {
    return undefined;
  }
}
