import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

const HOST = '127.0.0.1';

/** Loopback addresses that nothing listens on: the configuration names them before anybody does. All are held until all are known. */
export async function freeAddresses(count: number): Promise<readonly string[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen()));
  const addresses = servers.map((server) => addressOf(server));
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return addresses;
}

/** `HOST:PORT` of a listening server. */
export function addressOf(server: { address(): AddressInfo | string | null }): string {
  const address = server.address();
  return address === null || typeof address === 'string' ? '' : `${HOST}:${address.port}`;
}

/** The port of `HOST:PORT`. */
export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

async function listen(): Promise<Server> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  return server;
}
