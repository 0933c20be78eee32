import { GatewayError } from '../../base/errors.ts';
import { cutText } from '../../wire/connection-message.ts';
import type { Session } from '../workload.ts';
import type { Ending } from './outcome.ts';
import type { ConnectionOptions } from './record-options.ts';

/** Decides when a session that has begun is over, and why: the first reason counts. Use with `using`. */
export class SessionGuard implements Disposable {
  /** Resolves with the first reason. */
  readonly ended: Promise<Ending>;
  readonly #session: Session;
  readonly #idleLimitMs: number | null;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #resolve: (ending: Ending) => void;
  readonly #onCancelled = (): void => this.#cancel();
  #idle: NodeJS.Timeout | undefined;

  /** Begins to count. */
  constructor(session: Session, { idleLimitMs, totalLimitMs }: ConnectionOptions) {
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#session = session;
    this.#idleLimitMs = idleLimitMs;
    session.cancelled.addEventListener('abort', this.#onCancelled);
    if (session.cancelled.aborted) this.#cancel();
    if (totalLimitMs !== null) {
      const text = `this session lasts ${formatLimit(totalLimitMs)} at most`;
      this.#timers.push(setTimeout(() => this.end('total-limit', text), totalLimitMs));
    }
    if (idleLimitMs === null) return;
    const text = `nothing was typed and nothing came for ${formatLimit(idleLimitMs)}`;
    this.#idle = setTimeout(() => this.end('idle-limit', text), idleLimitMs);
    this.#timers.push(this.#idle);
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#session.cancelled.removeEventListener('abort', this.#onCancelled);
  }

  /** It is over. */
  end(reason: Ending['reason'], text: string): void {
    this.#resolve({ reason, text: cutText(text) });
  }

  /** Something was typed, or came. */
  touch(): void {
    if (this.#idleLimitMs !== null) this.#idle?.refresh();
  }

  #cancel(): void {
    const { cancelled, draining } = this.#session;
    const reason: unknown = cancelled.reason;
    const isPerson = reason instanceof GatewayError && !draining.aborted && !/^the instance /.test(reason.message);
    if (isPerson) return this.end(GRANT_LIMIT.test(reason.message) ? 'total-limit' : 'terminated', reason.message);
    this.end('instance-stopping', 'the gateway instance stops');
  }
}

/** The core looks at the limit of a grant, too, and ends the session should this guard be late. */
const GRANT_LIMIT = /^the grant of .* lets a session last /;

function formatLimit(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${Math.round(ms / 1000)} s`;
}
