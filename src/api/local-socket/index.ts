/**
 * Requests between processes of one user on one machine: a socket found by a directory, one JSON document per line. It is *not* a
 * protocol of its own: what is asked and answered is its users' business. Invariant: nobody else than the user who serves it, and root, opens it.
 */
export { askLocal, type LocalAsk } from './ask.ts';
export { type LocalServer, type LocalServerInit, startLocalServer } from './serve.ts';
