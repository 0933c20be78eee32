/**
 * Tunnels: TCP to a record's host and port. A tunnel is one *lease*, which does nothing but live as long as the client's tunnel, and one
 * job per TCP connection, each with the lease as its parent and each maybe on another worker.
 */
import { isLease } from '../../wire/access-job.ts';
import type { Workload } from '../workload.ts';
import { runConnection } from './connection.ts';
import { runLease } from './lease.ts';

/** The tunnel workload. */
export const tunnel: Workload = {
  kind: 'tunnel',
  protocols: null,
  run: (session) => (isLease(session.request) ? runLease(session) : runConnection(session)),
};
