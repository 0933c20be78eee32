import { once } from 'node:events';
import { connect } from 'node:net';
import type { AccessClient, startTunnel, TunnelEvent } from '../../../access/client/index.ts';
import { GatewayError } from '../../../base/errors.ts';
import { formatId } from '../../frame/text.ts';

/** What a probe needs. */
export interface ProbeInit {
  readonly client: AccessClient;
  readonly recordId: string;
  readonly startTunnel: typeof startTunnel;
  readonly signal: AbortSignal;
}

/** Opening a session at a target that does not answer is given up by the worker well before. */
const PROBE_MS = 20_000;

/** Opens one connection through a tunnel of its own, as a user would, and closes it again. Throws what the worker says of the target. */
export async function probeTarget({
  client,
  recordId,
  startTunnel,
  signal,
}: ProbeInit): Promise<{ readonly value: true; readonly detail: string }> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS)]);
  const outcome = Promise.withResolvers<TunnelEvent>();
  const onEvent = (event: TunnelEvent): void => {
    if (event.kind === 'connection-opened' || event.kind === 'connection-failed') outcome.resolve(event);
  };
  bounded.addEventListener(
    'abort',
    () => outcome.reject(new GatewayError('target-timeout', 'no answer from the target')),
    { once: true },
  );
  const tunnel = await startTunnel({ client, recordId, port: 0, onEvent }, bounded);
  const socket = connect({ host: '127.0.0.1', port: Number(tunnel.listening.split(':').at(-1)) });
  socket.on('error', () => undefined);
  try {
    await once(socket, 'connect', { signal: bounded });
    const event = await outcome.promise;
    if (event.kind === 'connection-failed') throw new GatewayError(event.failure.code, event.failure.message);
    const worker = event.kind === 'connection-opened' ? event.worker : tunnel.worker();
    return { value: true, detail: `accepts connections from ${formatId(worker, false)}` };
  } finally {
    socket.destroy();
    await tunnel.stop();
  }
}
