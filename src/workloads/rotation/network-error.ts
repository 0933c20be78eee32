import { type ErrorCode, GatewayError } from '../../base/errors.ts';

/** Pure: what a library's error means, in the words of every target. */

const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ECONNREFUSED: ['target-refused', 'connection refused, nothing listens there'],
  EHOSTUNREACH: ['target-unreachable', 'host unreachable'],
  ENETUNREACH: ['target-unreachable', 'network unreachable'],
  ENOTFOUND: ['target-unreachable', 'host name not found'],
  EAI_AGAIN: ['target-unreachable', 'host name cannot be looked up'],
  ECONNRESET: ['target-reset', 'it broke the connection off'],
  EPIPE: ['target-reset', 'it broke the connection off'],
  ETIMEDOUT: ['target-timeout', 'it did not answer'],
};

/** The typed error for a failure to talk to a target that no protocol explains. */
export function networkError(place: string, cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  const inner: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const system = inner instanceof Error && 'code' in inner ? String(inner.code) : '';
  const [code, sentence] = CODES[system] ?? ['target-reset', plain(inner)];
  return new GatewayError(code, `${place}: ${sentence}`, { cause });
}

/** Remote text in one short line. */
function plain(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200);
}

/** Ends what takes too long or is cancelled. `open` begins something and tells how to break it off. */
export async function bounded<T>(
  limit: { readonly place: string; readonly what: string; readonly ms: number; readonly signal: AbortSignal },
  open: (onBreak: (breakOff: () => void) => void) => Promise<T>,
): Promise<T> {
  const { place, what, ms, signal } = limit;
  const broken = Promise.withResolvers<never>();
  const breaks: (() => void)[] = [];
  const stop = (error: GatewayError): void => {
    for (const breakOff of breaks.splice(0)) breakOff();
    broken.reject(error);
  };
  const onAbort = (): void => stop(new GatewayError('cancelled', `cancelled during the ${what} at ${place}`));
  const timer = setTimeout(
    () => stop(new GatewayError('target-timeout', `${place}: the ${what} was not finished within ${ms / 1000} s`)),
    ms,
  );
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    const opened = open((breakOff) => breaks.push(breakOff));
    opened.catch(() => undefined);
    return await Promise.race([opened, broken.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    broken.promise.catch(() => undefined);
  }
}
