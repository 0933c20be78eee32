/** Bounds of the local control socket and of the HTTP listener, together, with their reasons. */

/** One request line on the control socket: the longest carries a job id and a few flags. */
export const CONTROL_REQUEST_BYTES_MAX = 16 * 1024;
/** One answer line: the member table of a pool of 10,000 instances fits. */
export const CONTROL_ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Open control connections: people and monitors on one machine, never more than a handful. */
export const CONTROL_CONNECTIONS_MAX = 32;
/** A control connection that asks nothing for this long is closed. */
export const CONTROL_IDLE_MS = 30_000;
/** How long a command waits for the running instance: a stopped process must not hang a terminal. */
export const CONTROL_ANSWER_MS = 5_000;
/** Events kept for `gateway debug events`; older ones are in the log. */
export const EVENTS_MAX = 1000;
/** Jobs that one `jobs` request lists. */
export const JOBS_MAX = 10_000;
/** Jobs listed unless a request says otherwise: two screens. */
export const JOBS_DEFAULT = 50;
/** Open HTTP connections: probes, one scraper, a few browser tabs. */
export const HTTP_CONNECTIONS_MAX = 64;
/** Time for one HTTP request to arrive as a whole. */
export const HTTP_REQUEST_MS = 5_000;
