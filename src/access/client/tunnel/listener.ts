import { createServer, type Server, type Socket } from 'node:net';
import { GatewayError } from '../../../base/errors.ts';
import { BACKLOG, FREE_PORT_MAX, FREE_PORT_MIN, TUNNEL_CONNECTIONS_MAX } from '../../bounds.ts';

/** Where a tunnel listens. */
export interface ListenInit {
  readonly host: string;
  /** 0: the first free one of the dynamic range. */
  readonly port: number;
  /** A Unix socket to listen on instead. */
  readonly path?: string | undefined;
  /** Sockets arrive paused, and close each direction on their own. */
  onConnection(socket: Socket): void;
}

/** Listens; throws `address-in-use` in the words of the reference, `bad-config` for an address that is not this machine's. */
export async function listenLocally(init: ListenInit): Promise<Server> {
  if (init.port !== 0 || init.path !== undefined) return listenOn(init, init.port);
  for (let port = FREE_PORT_MIN; port <= FREE_PORT_MAX; port++) {
    try {
      return await listenOn(init, port);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'address-in-use') throw error;
    }
  }
  throw new GatewayError('address-in-use', `every port from ${FREE_PORT_MIN} to ${FREE_PORT_MAX} is already in use.`);
}

async function listenOn({ host, path, onConnection }: ListenInit, port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    // A Unix socket knows no reset: its other side sees an end.
    if (path !== undefined) socket.resetAndDestroy = () => socket.destroy();
    onConnection(socket);
  });
  server.maxConnections = TUNNEL_CONNECTIONS_MAX;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(path === undefined ? { host, port, backlog: BACKLOG } : { path, backlog: BACKLOG }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw path === undefined ? listenError(cause, host, port) : pathError(cause, path);
  }
  server.removeListener('error', reject);
  return server;
}

function listenError(cause: unknown, host: string, port: number): GatewayError {
  const system = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (system === 'EADDRINUSE') {
    return new GatewayError('address-in-use', `Port ${port} is already in use.`, {
      cause,
      remedy: 'Choose another one.',
    });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GatewayError('bad-config', `cannot listen on ${host}:${port}: ${reason}`, { cause });
}

function pathError(cause: unknown, path: string): GatewayError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GatewayError('bad-config', `cannot listen on ${path}: ${reason}`, {
    cause,
    remedy: 'Choose another folder.',
  });
}
