/** A TCP server that stands for a machine in the network: it keeps its connections and ends with the test. */

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** A running target. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Connections that are open at this moment. */
  readonly sockets: ReadonlySet<Socket>;
  /** Connections ever made to it. */
  accepted(): number;
  /** The next connection that is made to it. */
  next(): Promise<Socket>;
  stop(): Promise<void>;
}

/** A burst of connections waits here before it is accepted; the system may cut it. */
const BACKLOG = 4096;

/** Listens on a free port. Half-close and reset are left to `onSocket`. */
export async function startTarget(onSocket: (socket: Socket) => void, host = '127.0.0.1'): Promise<Target> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  server.listen({ host, port: 0, backlog: BACKLOG });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    host: address.address,
    port: address.port,
    sockets,
    accepted: () => accepted,
    next: async () => (await once(server, 'connection'))[0],
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Sends back what it gets, and ends when the other side has. */
export function echo(socket: Socket): void {
  socket.pipe(socket);
}
