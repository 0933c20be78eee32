/** Many connections at the same instant, and where they land. */

import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { dialEcho } from '../targets/socket.ts';
import type { Instance } from './instance.ts';
import type { Pool } from './pool.ts';
import { countSessions } from './sessions.ts';
import type { Tunnel } from './tunnel.ts';
import { needs, until } from './until.ts';

/** Up to here an instance counts as idle. */
const IDLE_PER_MILLE = 300;
const IDLE_MS = 60_000;

/** A burst that is through. */
export interface Burst {
  readonly sockets: readonly Socket[];
  /** Connections on each running instance, in the order in which they were started. */
  readonly counts: readonly number[];
  /** From the first to the last connection that was through. */
  readonly elapsedMs: number;
}

/**
 * Opens so many connections, through the tunnels in turn, and waits until each has carried something: all at once, or at an even pace
 * within `withinMs`.
 */
export async function openBurst(
  pool: Pool,
  tunnels: readonly Tunnel[],
  connections: number,
  { withinMs = 0 } = {},
): Promise<Burst> {
  const ports = Array.from({ length: connections }, (_, number) => tunnels[number % tunnels.length]?.port ?? 0);
  const beganAtMs = performance.now();
  const dialed = ports.map(async (port, number) => {
    if (withinMs > 0) await setTimeout((number * withinMs) / connections);
    return dialEcho(port, `connection ${number}`);
  });
  const opened = await Promise.allSettled(dialed);
  const elapsedMs = performance.now() - beganAtMs;
  const sockets = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (sockets.length < connections) {
    const reasons = opened.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
    const told = tunnels.flatMap(({ failures }) => failures);
    throw new Error(
      `${reasons.length} of ${connections} connections failed: ${reasons.join('; ')}\n${told.join('\n')}`,
    );
  }
  const byTunnel = await Promise.all(tunnels.map(({ ready }) => countSessions(pool, ready.jobId)));
  const counts = pool.started
    .filter(({ isRunning }) => isRunning)
    .map((_, place) => sum(byTunnel.map((list) => list[place] ?? 0)));
  return { sockets, counts, elapsedMs };
}

/** Closes the connections and waits until every instance believes that nobody has any. */
export async function closeBurst({ started }: Pool, { sockets }: Pick<Burst, 'sockets'>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await untilIdle(
    started.filter(({ isRunning }) => isRunning),
    { sessionsMax: 0 },
  );
}

/** Waits until every instance believes that every other one has nothing to do. Leases cost nothing and do not count. */
export async function untilIdle(
  instances: readonly Instance[],
  { sessionsMax = Number.POSITIVE_INFINITY } = {},
): Promise<void> {
  await until('the pool is idle', { within: IDLE_MS, every: 100 }, async () => {
    for (const { instances: seen } of await Promise.all(instances.map((instance) => instance.ask({ kind: 'load' })))) {
      for (const { name, busyPerMille, reservedBytes } of seen) {
        needs(busyPerMille <= IDLE_PER_MILLE, `${name} is busy: ${busyPerMille}`);
        needs(sessionsMax > 0 || reservedBytes === 0, `${name} has reserved ${reservedBytes} bytes`);
      }
    }
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
