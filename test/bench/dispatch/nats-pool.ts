/** The peer: NATS request–reply with a queue group. One broker, so many workers, each a process. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connect, type NatsConnection } from 'nats';
import { until } from '../../e2e/harness/until.ts';
import { freePort } from '../free-port.ts';
import type { Bench } from '../part.ts';
import { SUBJECT } from './nats-names.ts';

const SERVER = '/usr/sbin/nats-server';
const WORKER = fileURLToPath(new URL('nats-worker.ts', import.meta.url));
const READY_MS = 20_000;
const ANSWER_MS = 10_000;
/** As many bytes as a job request of ours has. */
const PAYLOAD = new Uint8Array(420);

/** A broker with its workers, and a client. */
export interface NatsPool {
  /** Broker and workers. */
  readonly processIds: readonly number[];
  /** One request, answered by one of the workers. */
  request(): Promise<void>;
}

/** Why there is none on this machine, or undefined. */
export function natsMissing(): string | undefined {
  return existsSync(SERVER) ? undefined : `${SERVER} is not installed (Debian: nats-server)`;
}

/** Its version. */
export function natsVersion(): string {
  return execFileSync(SERVER, ['--version'], { encoding: 'utf8' }).trim();
}

/** Starts the broker and so many workers. */
export async function startNats(bench: Bench, workers: number): Promise<NatsPool> {
  const port = await freePort();
  const server = spawn(SERVER, ['--addr', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' });
  bench.defer(() => server.kill('SIGKILL'));
  const client = await until('the NATS server listens', { within: READY_MS }, () => connectTo(port));
  bench.defer(() => client.close());
  const started = await Promise.all(Array.from({ length: workers }, () => startWorker(bench, port)));
  return {
    processIds: [server, ...started].map(({ pid }) => pid ?? 0),
    request: async () => {
      await client.request(SUBJECT, PAYLOAD, { timeout: ANSWER_MS });
    },
  };
}

async function connectTo(port: number): Promise<NatsConnection> {
  try {
    return await connect({ servers: `127.0.0.1:${port}` });
  } catch (cause) {
    throw Object.assign(new Error('it does not answer', { cause }), { code: 'unreachable' });
  }
}

async function startWorker(bench: Bench, port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [WORKER, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  bench.defer(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data', { signal: AbortSignal.timeout(READY_MS) });
  return child;
}
