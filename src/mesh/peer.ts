import type { Connection, Stream } from '@libp2p/interface';
import type { InstanceId } from '../base/ids.ts';
import { Protocol } from '../wire/protocols.ts';
import {
  LINK_FAILURES_MAX,
  LINK_REOPEN_MS,
  LINK_STABLE_MS,
  LINK_WAIT_MS,
  PEER_CONNECTIONS_MAX,
  SIMULTANEOUS_MS,
  STREAM_TIMEOUT_MS,
} from './bounds.ts';
import type { Frame, FrameKind } from './frame.ts';
import { Link, type LinkDownReason } from './link.ts';
import type { MeshLog } from './log.ts';

/** The one stream between two peers that carries direct messages. First version, see `frame.ts`. */
export const LINK_PROTOCOL = Protocol.meshLink;

/** What a peer needs. */
export interface PeerInit {
  readonly id: InstanceId;
  /** True on the side with the lower id: it alone opens links and chooses among connections. */
  readonly opens: boolean;
  readonly log: MeshLog;
  onUp(connection: Connection): void;
  onDown(reason: LinkDownReason): void;
  onFrame(frame: Frame): void;
}

interface Entry {
  readonly connection: Connection;
  readonly openedAtMs: number;
  timer?: NodeJS.Timeout;
}

interface Current {
  readonly link: Link;
  readonly connection: Connection;
  readonly upAtMs: number;
}

/**
 * One remote instance: its connections, mostly one, and at most one link on one of them.
 *
 * When both sides dial at once there are two connections. Only the side with the lower id decides, so the two can never each keep the one that the
 * other closes: it keeps the first, opens the link there and closes the second. The other side takes whatever link is opened to it.
 */
export class Peer {
  readonly #init: PeerInit;
  readonly #entries: Entry[] = [];
  #current: Current | undefined;
  #opening: Connection | undefined;
  #failures = 0;
  #reopenTimer: NodeJS.Timeout | undefined;

  constructor(init: PeerInit) {
    this.#init = init;
  }

  /** The connection under the link. */
  get connection(): Connection | undefined {
    return this.#current?.connection;
  }

  /** True until the last connection is removed. */
  get hasConnections(): boolean {
    return this.#entries.length > 0;
  }

  /** True while any connection is open. */
  get isConnected(): boolean {
    return this.#entries.some(({ connection }) => connection.status === 'open');
  }

  /** Queues a frame; false without link or with a full queue. */
  send(kind: FrameKind, payload: Uint8Array): boolean {
    return this.#current?.link.send(kind, payload) ?? false;
  }

  /** A connection was opened, by either side. */
  addConnection(connection: Connection): void {
    if (this.#entries.some((entry) => entry.connection === connection)) return;
    if (this.#entries.length >= PEER_CONNECTIONS_MAX) {
      connection.abort(new Error('too many connections from one peer'));
      return;
    }
    const entry: Entry = { connection, openedAtMs: performance.now() };
    this.#entries.push(entry);
    if (!this.#init.opens) {
      this.#awaitLink(entry);
      return;
    }
    if (this.#isSimultaneous(entry)) {
      this.#init.log.debug({ peer: this.#init.id }, 'both dialled at once: closing the second connection');
      connection.close().catch((error) => connection.abort(error));
      return;
    }
    void this.#open(connection);
  }

  /** A connection is gone. */
  removeConnection(connection: Connection): void {
    const index = this.#entries.findIndex((entry) => entry.connection === connection);
    if (index < 0) return;
    clearTimeout(this.#entries[index]?.timer);
    this.#entries.splice(index, 1);
    if (this.#current?.connection === connection) this.#drop('connection-closed');
    if (this.#entries.length === 0) {
      clearTimeout(this.#reopenTimer);
      this.#failures = 0;
    }
  }

  /** The peer opened a link. */
  acceptStream(stream: Stream, connection: Connection): void {
    if (this.#init.opens) {
      stream.abort(new Error('this side opens the link'));
      return;
    }
    this.#adopt(stream, connection);
  }

  /** Sends what is queued, then ends the link. */
  async close(signal: AbortSignal): Promise<void> {
    clearTimeout(this.#reopenTimer);
    await this.#current?.link.close(signal);
  }

  /** Closes every connection now; the end of the link is reported before this returns. */
  abort(): void {
    this.#drop('disconnected');
    for (const { connection } of [...this.#entries]) connection.abort(new Error('disconnected by the owner'));
    clearTimeout(this.#reopenTimer);
  }

  #isSimultaneous(entry: Entry): boolean {
    const kept = this.#opening ?? this.#current?.connection;
    const first = this.#entries.find(({ connection }) => connection === kept);
    return first !== undefined && kept?.status === 'open' && entry.openedAtMs - first.openedAtMs < SIMULTANEOUS_MS;
  }

  async #open(connection: Connection): Promise<void> {
    this.#opening = connection;
    try {
      const stream = await connection.newStream(LINK_PROTOCOL, { signal: AbortSignal.timeout(STREAM_TIMEOUT_MS) });
      if (stream.status !== 'open') throw new Error('the peer closed it at once');
      if (this.#opening === connection) this.#opening = undefined;
      this.#adopt(stream, connection);
    } catch (cause) {
      if (this.#opening === connection) this.#opening = undefined;
      this.#init.log.debug({ peer: this.#init.id, cause: String(cause) }, 'link not opened');
      // A link elsewhere still works: the newcomer was no replacement for it.
      if (this.#current !== undefined) connection.abort(new Error('another connection carries the link'));
      this.#failures += 1;
      this.#reopenLater();
    }
  }

  #adopt(stream: Stream, connection: Connection): void {
    if (stream.status !== 'open' || connection.status !== 'open') return;
    this.#drop('replaced');
    const link = new Link({
      stream,
      onFrame: (frame) => this.#init.onFrame(frame),
      onClosed: (reason, cause) => {
        if (reason === 'bad-frame') this.#init.log.warn({ peer: this.#init.id, cause: cause?.message }, 'link closed');
        if (this.#current?.link === link) this.#drop(reason);
      },
    });
    this.#current = { link, connection, upAtMs: performance.now() };
    this.#init.onUp(connection);
    // What else is open is a leftover: the peer has lost it, or both dialled at once and this one was chosen.
    for (const other of [...this.#entries]) {
      if (other.connection !== connection) other.connection.abort(new Error('another connection carries the link'));
    }
  }

  #drop(reason: LinkDownReason): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    current.link.abort(new Error(`link ended: ${reason}`));
    this.#failures = performance.now() - current.upAtMs > LINK_STABLE_MS ? 0 : this.#failures + 1;
    this.#init.onDown(reason);
    if (reason === 'replaced' || reason === 'disconnected') return;
    if (this.#init.opens) this.#reopenLater();
    else for (const entry of this.#entries) this.#awaitLink(entry);
  }

  /** Opens the link on the newest living connection after a pause that grows with failures; gives that connection up after too many. */
  #reopenLater(): void {
    clearTimeout(this.#reopenTimer);
    const newest = this.#entries.findLast(({ connection }) => connection.status === 'open')?.connection;
    if (newest === undefined || this.#current !== undefined) return;
    if (this.#failures > LINK_FAILURES_MAX) {
      newest.abort(new Error('no link could be opened'));
      return;
    }
    this.#reopenTimer = setTimeout(
      () => {
        if (this.#current === undefined && this.#opening === undefined && newest.status === 'open')
          void this.#open(newest);
      },
      LINK_REOPEN_MS * 2 ** Math.max(0, this.#failures - 1),
    );
  }

  #awaitLink(entry: Entry): void {
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => {
      if (this.#current?.connection === entry.connection) return;
      entry.connection.abort(new Error(`no link was opened within ${LINK_WAIT_MS} ms`));
    }, LINK_WAIT_MS);
  }
}
