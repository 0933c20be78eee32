import type { Connection, PeerId } from '@libp2p/interface';
import { UNPROVED_MS } from '../bounds.ts';
import type { Caller } from './caller.ts';

/** The connections of the access plane: who has shown what on which. One that shows nothing is closed. */
export class Visitors {
  readonly #callers = new Map<string, Caller>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #proved = new WeakSet<Connection>();
  readonly #onLeave: (peer: PeerId) => void;

  /** `onLeave` is called when a connection of that peer was closed. */
  constructor(onLeave: (peer: PeerId) => void) {
    this.#onLeave = onLeave;
  }

  /** A connection was opened by somebody. On a busy machine its first stream may have been served before libp2p tells of it. */
  arrive(connection: Connection): void {
    if (connection.direction !== 'inbound') return;
    connection.addEventListener('close', () => this.#leave(connection), { once: true });
    if (this.#proved.has(connection)) return;
    const timer = setTimeout(() => connection.abort(new Error('showed neither a grant nor a claim')), UNPROVED_MS);
    this.#timers.set(connection.id, timer);
  }

  /** Something signed came over the connection and was right: it may stay. */
  prove(connection: Connection): void {
    this.#proved.add(connection);
    clearTimeout(this.#timers.get(connection.id));
    this.#timers.delete(connection.id);
  }

  /** The client on this connection has shown who it is. */
  welcome(connection: Connection, caller: Caller): void {
    this.prove(connection);
    this.#callers.set(connection.id, caller);
  }

  /** Who is at the other end; undefined: nobody known. */
  callerOn(connection: Connection): Caller | undefined {
    return this.#callers.get(connection.id);
  }

  #leave(connection: Connection): void {
    this.prove(connection);
    this.#callers.delete(connection.id);
    this.#onLeave(connection.remotePeer);
  }
}
