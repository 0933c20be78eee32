/**
 * Bounds of the access plane, together, with unit and reason. libp2p's own defaults are made for a public network of strangers and bite clients
 * behind one address (5 inbound connections per second per host, 10 pending, 300 in all): each is set on purpose.
 */

/** Incoming connections per second from one host: a script that runs `pam` in a loop stays below. A handshake costs about 3 ms of one core. */
export const INBOUND_PER_SECOND_MAX = 200;
/** Incoming connections that have not proved a key yet. Bounds what a flood of strangers can hold. */
export const INBOUND_PENDING_MAX = 256;
/** Sockets of the listener; further ones are closed on arrival. */
export const SOCKETS_MAX = 4_096;
/** Above the sockets of the listener and those dialled for relaying, so that libp2p never closes a connection with sessions on it to make room. */
export const CONNECTIONS_MAX = 2 * SOCKETS_MAX;
/** An incoming connection that has not proved a key by then is closed. */
export const UPGRADE_TIMEOUT_MS = 3_000;
/** Resolving, connecting and proving both keys must be done by then. */
export const DIAL_TIMEOUT_MS = 4_000;
/** Addresses tried for one instance. */
export const DIAL_ADDRESSES_MAX = 16;
/** Agreeing on the protocol of one stream. A full machine answers late, and a session is worth the wait. */
export const STREAM_TIMEOUT_MS = 10_000;
/** Streams one connection may carry in each direction: thousands of tunnelled connections share one. */
export const STREAMS_MAX = 8_192;
/** Control streams of one connection: one is used, another replaces it when it broke. */
export const CONTROL_STREAMS_MAX = 4;
/** A connection that has shown neither a grant nor a claim for this long is closed. */
export const UNPROVED_MS = 5_000;
/** TCP probes an idle connection after this time. */
export const KEEP_ALIVE_DELAY_MS = 15_000;
/** The multiplexer asks whether the other side is there. */
export const PING_MS = 10_000;
/** Another side from which nothing came for this long is given up, with its sessions. A machine that sleeps or hangs for less loses nothing. */
export const PEER_SILENT_MS = 30_000;
/** A socket on which nothing moved for this long is closed. */
export const SOCKET_IDLE_MS = 60_000;

/** Bytes a stream may have on the way unread, at most: what a slow reader costs. 1 MiB fills 1 Gbit/s at 8 ms round trip. */
export const STREAM_WINDOW_BYTES_MAX = 1024 * 1024;

/** Bytes that wait in one socket before their source is told to wait. Below it the kernel's buffer runs dry between two turns of the event loop. */
export const SOCKET_QUEUE_BYTES = 512 * 1024;

/** Bytes that wait in one connection's socket, whatever they are; beyond it the other side takes nothing but keeps asking, and is cut off. */
export const CONNECTION_QUEUE_BYTES_MAX = 4 * 1024 * 1024;

/** Requests of one client that are being answered; more wait unread. */
export const REQUESTS_MAX = 64;
/** Job requests of one client, each with its session's stream, that are being placed; more wait unread. */
export const OPENINGS_MAX = 64;
/** One request must be answered by then. */
export const REQUEST_TIMEOUT_MS = 30_000;
/** A control stream without a request for this long is closed. */
export const CONTROL_IDLE_MS = 120_000;
/** Unread answers of one client: beyond it the stream is reset. */
export const ANSWERS_BYTES_MAX = 16 * 1024 * 1024;
/** A session stream must show its claim by then. */
export const CLAIM_TIMEOUT_MS = 5_000;
/** Claims being checked or relayed and not answered yet, of all clients. */
export const SESSIONS_OPENING_MAX = 4_096;
/** How long the addresses of members are used before they are asked for again. */
export const DIRECTORY_MS = 500;
/** How often byte counts of running sessions are reported. */
export const PROGRESS_MS = 2_000;

/** Pause before the next of several addresses is tried while the ones before it are still silent. */
export const DIAL_STAGGER_MS = 250;
/** While an answer is awaited, how often is looked whether anything came over the connection; a ping is sent where nothing did. */
export const SILENCE_CHECK_MS = 250;
/** Checks in a row without a sign of life after which the other side is given up: a tunnelled connection finds another worker within 2 s. */
export const SILENCE_CHECKS = 4;
/** How often a client looks whether the worker of a running session still lives, and after how many silent looks it is given up. A worker whose process died is noticed at once. */
export const SESSION_CHECK_MS = 1_000;
/** See above: a short outage of the network ends nobody's session. */
export const SESSION_CHECKS = 10;
/** Finding an instance that lets this client in. */
export const FIND_MS = 15_000;
/** Sessions get so long to end when an instance stops. */
export const STOP_MS = 2_000;
/** How long a client waits for a worker that lives: longer than a target may take to answer. */
export const SESSION_READY_MS = 60_000;
/** How long a direct connection may take before the session goes through the entry; it may still serve the next one. */
export const DIRECT_WAIT_MS = 300;
/** A worker that could not be reached directly is not tried again for this long. */
export const DIRECT_RETRY_MS = 10_000;
/** How often a client learns which members there are. */
export const MEMBERS_REFRESH_MS = 5_000;
/** From submitting a job to its begin, by the entry's clock. */
export const JOB_DEADLINE_MS = 30_000;
/** Time in which a tunnelled connection may be offered to one worker after another. */
export const PLACE_BUDGET_MS = 2_000;
/** So often it is offered however long that takes: where every answer is slow, so is the machine, and its user waits rather than being refused. */
export const PLACE_TRIES_MIN = 5;
/** Unless it has taken this long. */
export const PLACE_MS_MAX = 30_000;
/** Each try after the first bears silence twice as long as the one before; up to so many times. */
export const PATIENCE_MAX = 8;
/** Connections that the kernel completes before they are taken up; it allows no more than its own limit (4096 on Linux). Default of Node: 511, which a burst overflows. */
export const BACKLOG = 4_096;
/** Connections of one tunnel. */
export const TUNNEL_CONNECTIONS_MAX = 8_192;
/** First and last port that is tried when none was asked for (RFC 6335: dynamic ports). */
export const FREE_PORT_MIN = 49_152;
/** See above. */
export const FREE_PORT_MAX = 65_535;
