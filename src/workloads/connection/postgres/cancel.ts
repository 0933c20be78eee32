import { once } from 'node:events';
import type { Socket } from 'node:net';
import { dialTarget } from '../../tunnel/dial.ts';
import type { DatabaseOptions } from '../database/options.ts';
import { secure } from './login.ts';

/** A request to cancel, and where to. */
export interface CancelInit {
  readonly target: { readonly host: string; readonly port: number };
  readonly options: DatabaseOptions;
  readonly message: Buffer;
  readonly signal: AbortSignal;
}

/**
 * Carries a request to cancel to the database. The client has the database's own key of its session, so any worker can do it, whichever one has the
 * session. The database answers by closing, whether or not the key was right.
 */
export async function passCancel({ target, options, message, signal }: CancelInit): Promise<void> {
  const tcp = await dialTarget(target, signal);
  let socket: Socket = tcp;
  try {
    socket = await secure({ socket: tcp, host: target.host, options, signal });
    const closed = once(socket, 'close', { signal });
    socket.resume();
    socket.write(message);
    socket.once('end', () => socket.end());
    await closed;
  } finally {
    socket.destroy();
    tcp.destroy();
  }
}
