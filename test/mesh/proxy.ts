import net from 'node:net';

/** A TCP relay in front of a listener that can fall silent without closing anything, like a cut cable. */
export interface Proxy {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** What the listener has answered so far. */
  bytesBack(): number;
  /** From now on nothing passes, in either direction, and nobody is told. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a relay to `host:port`. */
export async function startProxy(target: string): Promise<Proxy> {
  const sockets = new Set<net.Socket>();
  const upstreams: net.Socket[] = [];
  const server = net.createServer((client) => {
    const [host, port] = target.split(':');
    const upstream = net.connect(Number(port), host);
    upstreams.push(upstream);
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
  });
  const port = await listen(server);
  return {
    address: `127.0.0.1:${port}`,
    bytesBack: () => upstreams.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    cut: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Listens on a free loopback port; the port. */
export async function listen(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return address.port;
}
