/** Which instance has how many of a tunnel's connections, asked of the instances that have them. */

import type { Instance } from './instance.ts';
import type { Pool } from './pool.ts';

/** Jobs an instance is asked for: more than any test has. */
const JOBS_ASKED = 5000;

/**
 * Connections of a tunnel that run on each running instance, by that instance's own word, in the order in which they were started. Without a
 * tunnel: of all of them, since a tunnel gets another id when the instance that holds its lease drains.
 */
export async function countSessions({ started }: Pool, tunnelId?: string): Promise<readonly number[]> {
  return Promise.all(started.filter(({ isRunning }) => isRunning).map((instance) => sessionsOn(instance, tunnelId)));
}

async function sessionsOn(instance: Instance, tunnelId: string | undefined): Promise<number> {
  const [self, { jobs }] = await Promise.all([instance.id(), instance.ask({ kind: 'jobs', most: JOBS_ASKED })]);
  const belongs = (parent: string | null): boolean => (tunnelId === undefined ? parent !== null : parent === tunnelId);
  return jobs.filter(({ worker, parent, state }) => worker === self && belongs(parent) && state === 'running').length;
}
