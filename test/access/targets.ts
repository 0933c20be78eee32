import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP server on loopback that keeps its connections. */
export interface Target {
  readonly port: number;
  readonly sockets: Set<Socket>;
  /** The next connection that is made to it. */
  next(): Promise<Socket>;
  stop(): Promise<void>;
}

/** Listens on a free port; half-close and reset are left to `onSocket`. */
export async function startTarget(onSocket: (socket: Socket) => void): Promise<Target> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    sockets,
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

/** A connected socket that closes each direction on its own. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Everything until the end. Rejects if the socket is reset first. */
export function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks)));
    socket.on('error', reject);
  });
}

/** The error code that ends the socket; undefined for an end in order. */
export function endOf(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let code: string | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    socket.on('close', () => resolve(code));
    socket.resume();
  });
}
