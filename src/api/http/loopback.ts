import { isIPv4 } from 'node:net';

/** Pure: true for an address or name that only this machine reaches. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase();
  if (name === 'localhost' || name === '::1') return true;
  return isIPv4(name) && name.startsWith('127.');
}
