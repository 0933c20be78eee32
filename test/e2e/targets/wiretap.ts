/** Somebody in the middle of the network: everything between two places passes through, and is kept. */

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A place to dial instead of the real one. */
export interface Wiretap {
  /** `HOST:PORT`. */
  readonly address: string;
  /** What went to the real place on each connection, in the order in which they were made. */
  readonly sent: readonly Buffer[][];
  /** What came back. */
  readonly received: readonly Buffer[];
  stop(): Promise<void>;
}

/** Listens in front of `HOST:PORT`. */
export async function startWiretap(target: string): Promise<Wiretap> {
  const [host, port] = target.split(':');
  const sent: Buffer[][] = [];
  const received: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const kept: Buffer[] = [];
    sent.push(kept);
    const upstream = connect({ host, port: Number(port) });
    client.on('data', (chunk: Buffer) => kept.push(chunk));
    upstream.on('data', (chunk: Buffer) => received.push(chunk));
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    address: `127.0.0.1:${address.port}`,
    sent,
    received,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
