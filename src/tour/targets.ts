import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { addressOf } from './ports.ts';
import { type SshTarget, startSshTarget } from './ssh-target.ts';

/** What the tour's records lead to. */
export interface Targets {
  /** Sends back every byte. */
  readonly echo: string;
  /** Answers HTTP with one page. */
  readonly web: string;
  /** A machine to log in at. */
  readonly ssh: SshTarget;
  stop(): void;
}

/** What the web target answers. */
export const PAGE = 'This page came through the gateway pool.';

/** Starts the targets on free loopback ports. */
export async function startTargets(): Promise<Targets> {
  const echo = createServer({ allowHalfOpen: true }, (socket) => {
    // A client that resets its connection has seen enough.
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  const web = createHttpServer((_request, response) => response.end(`${PAGE}\n`));
  const [ssh] = await Promise.all([startSshTarget(), listen(echo), listen(web)]);
  return {
    echo: addressOf(echo),
    web: addressOf(web),
    ssh,
    stop: () => {
      ssh.stop();
      echo.close();
      web.close();
      web.closeAllConnections();
    },
  };
}

async function listen(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}
