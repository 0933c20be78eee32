import { DIRECT_BYTES_MAX, GOSSIP_BYTES_MAX } from '../wire/bounds.ts';

/**
 * Bounds of the mesh plane, together, with unit and reason. libp2p's own defaults are made for a public network of strangers and bite a
 * pool behind one address (5 inbound connections per second per host, 10 pending, 300 in all, 10 s to dial): each is set on purpose.
 */

/** Resolving, connecting and proving the pool secret must be done by then. Default of libp2p: 10 s. Raising it slows giving up on dead addresses. */
export const DIAL_TIMEOUT_MS = 3_000;
/** An incoming connection that has not proved the pool secret by then is closed. Raising it lets strangers hold more half-open connections. */
export const UPGRADE_TIMEOUT_MS = 3_000;
/** Negotiating one stream on an open connection. */
export const STREAM_TIMEOUT_MS = 3_000;
/** Addresses tried by one `connect`. */
export const DIAL_ADDRESSES_MAX = 16;
/** The next address of an instance is tried alongside when the one before has not answered by then (as RFC 8305, section 5). */
export const DIAL_STAGGER_MS = 250;
/** Incoming connections per second from one host. Default of libp2p: 5, which a pool behind one address exceeds when it starts. */
export const INBOUND_PER_SECOND_MAX = 200;
/** Incoming connections that have not proved the pool secret yet. Bounds what a flood of strangers can hold. */
export const INBOUND_PENDING_MAX = 100;
/** Connections in all: above the greatest pool that is fully connected. libp2p would close members' connections beyond it. */
export const CONNECTIONS_MAX = 4_096;
/** Sockets of one listener, pending ones included: beyond it the kernel's accept is followed by an immediate close. */
export const SOCKETS_MAX = CONNECTIONS_MAX + INBOUND_PENDING_MAX;
/** TCP probes an idle connection after this time. */
export const KEEP_ALIVE_DELAY_MS = 15_000;
/** The multiplexer asks whether the other side is there; must stay below SOCKET_IDLE_MS. */
export const MUXER_PING_MS = 30_000;
/** A socket on which nothing moved for this long is closed. */
export const SOCKET_IDLE_MS = 120_000;
/** Bytes that one stream may have on the way unread: control traffic needs no more. */
export const STREAM_WINDOW_BYTES_MAX = 1024 * 1024;
/** Streams one peer may have open: a link, gossip both ways and short-lived ones. */
export const STREAMS_MAX = 64;

/** Connections one peer may have: the link's, a second one of a simultaneous dial, and what is closing. */
export const PEER_CONNECTIONS_MAX = 4;

/** Payload of one frame on a link. */
export const FRAME_BYTES_MAX = DIRECT_BYTES_MAX;
/** Unsent bytes on one link. Raising it remembers more for a peer that does not read, at that much memory per peer. */
export const LINK_QUEUE_BYTES_MAX = 8 * 1024 * 1024;
/** Unsent frames on one link: bounds what tiny frames cost. */
export const LINK_QUEUE_FRAMES_MAX = 4_096;
/** Frames are joined to writes of about this size. */
export const LINK_BATCH_BYTES = 64 * 1024;
/** First pause before a closed link is opened again on a living connection; doubles with each failure in a row. */
export const LINK_REOPEN_MS = 100;
/** Failures in a row after which the connection itself is given up: its next one starts afresh. */
export const LINK_FAILURES_MAX = 5;
/** A link that lived this long has ended the row of failures. */
export const LINK_STABLE_MS = 10_000;
/** A connection on which the other side has opened no link for this long is closed. */
export const LINK_WAIT_MS = 6_000;
/**
 * A second connection to a peer within this time was dialled before the first was open: both dialled at once. Later ones were dialled because the
 * peer has lost the first.
 */
export const SIMULTANEOUS_MS = 5_000;
/** How long `stop` waits for queued frames to leave. */
export const STOP_FLUSH_MS = 500;

/** Data of one gossiped message. */
export const GOSSIP_DATA_BYTES_MAX = GOSSIP_BYTES_MAX;
/** Telling others that a message need not be sent again pays from this size on; below, it doubles the number of packets for nothing. */
export const GOSSIP_DONT_WANT_BYTES = 16 * 1024;
/** One gossip packet: several messages and control. */
export const GOSSIP_PACKET_BYTES_MAX = 2 * 1024 * 1024;
/** Unsent gossip for one peer; beyond it the stream is dropped and later opened anew. */
export const GOSSIP_QUEUE_BYTES_MAX = 4 * 1024 * 1024;
/** Message ids are remembered this long: the same bytes published again within it are dropped. */
export const GOSSIP_SEEN_MS = 30_000;
/** After being pruned a peer is grafted again no sooner. Default of gossipsub: 60 s, in which a small pool would be split. */
export const GOSSIP_PRUNE_BACKOFF_MS = 2_000;
/** Heartbeats (seconds) without our stream to a peer, or without its subscription, after which the exchange with it starts afresh. */
export const GOSSIP_INCOMPLETE_HEARTBEATS_MAX = 3;
