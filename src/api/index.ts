/**
 * What runs beside the protocol on each instance for whoever operates it: the local control socket behind `gateway debug`, and
 * health and metrics over HTTP on loopback. It is *not* reachable from other machines and takes no protocol decision. Invariants: nobody
 * but the user that runs the gateway opens the control socket; no answer carries a secret; a stuck caller cannot hold the instance up.
 */
export type { ControlSource } from './control/answer.ts';
export { type ControlService, startControl } from './control/control-server.ts';
export { createEventList, type EventList, type TimedNote } from './event-list.ts';
export { type HttpListen, type HttpService, startHttp } from './http/http-server.ts';
export type { InstanceFacts } from './instance-facts.ts';
export type { Listening } from './reports/report.ts';
