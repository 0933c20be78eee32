import { connect, type Socket } from 'node:net';
import { type ErrorCode, GatewayError } from '../../base/errors.ts';

/** Where to connect to. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** A target that does not answer is given up after this time. Raising it makes a mistyped address cost more patience. */
export const DIAL_TIMEOUT_MS = 10_000;

/** What the system's errors mean to the person at the client. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'target-refused',
  ECONNRESET: 'target-reset',
  EHOSTUNREACH: 'target-unreachable',
  ENETUNREACH: 'target-unreachable',
  EHOSTDOWN: 'target-unreachable',
  ENETDOWN: 'target-unreachable',
  EADDRNOTAVAIL: 'target-unreachable',
  EACCES: 'target-unreachable',
  ENOTFOUND: 'target-unreachable',
  EAI_AGAIN: 'target-unreachable',
  ETIMEDOUT: 'target-timeout',
};

/** A connected socket, paused, that closes each direction on its own. Throws `target-refused`, `target-unreachable`, `target-timeout`, `cancelled`. */
export async function dialTarget(target: Target, signal: AbortSignal, timeoutMs = DIAL_TIMEOUT_MS): Promise<Socket> {
  if (signal.aborted) throw new GatewayError('cancelled', 'cancelled before the target was reached');
  const socket = connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true, keepAlive: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(new GatewayError('cancelled', 'cancelled before the target was reached'));
  const timer = setTimeout(() => {
    reject(new GatewayError('target-timeout', `${place(target)} did not answer within ${timeoutMs / 1000} s`));
  }, timeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.once('connect', resolve);
  socket.on('error', (error) => reject(dialError(target, error)));
  try {
    await promise;
    socket.pause();
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function dialError(target: Target, cause: NodeJS.ErrnoException): GatewayError {
  // A host name with several addresses fails with one error that holds one per address.
  const inner: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const system = inner instanceof Error && 'code' in inner ? String(inner.code) : String(cause.code);
  const code = CODES[system] ?? 'target-unreachable';
  return new GatewayError(code, `${place(target)}: ${sentence(system)}`, { cause });
}

function sentence(system: string): string {
  switch (system) {
    case 'ECONNREFUSED':
      return 'connection refused, nothing listens there';
    case 'ENOTFOUND':
      return 'host name not found';
    case 'EHOSTUNREACH':
    case 'EHOSTDOWN':
      return 'host unreachable';
    case 'ENETUNREACH':
    case 'ENETDOWN':
      return 'network unreachable';
    case 'ETIMEDOUT':
      return 'did not answer';
    default:
      return `connection failed (${system})`;
  }
}

function place({ host, port }: Target): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
