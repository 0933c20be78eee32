import type { TLSSocket } from 'node:tls';
// @ts-expect-error: the package has no types for this file, which its `exports` offers.
import sasl from 'pg/lib/crypto/sasl.js';
import { GatewayError } from '../../../base/errors.ts';

/** A SCRAM exchange under way, as the library keeps it. */
interface ScramExchange {
  readonly mechanism: string;
  /** What to send next. */
  readonly response: string;
}

interface ScramLibrary {
  startSession(mechanisms: readonly string[], tls: TLSSocket | false): ScramExchange;
  continueSession(exchange: ScramExchange, password: string, data: string, tls: TLSSocket | false): Promise<void>;
  finalizeSession(exchange: ScramExchange, data: string): void;
}

const library: ScramLibrary = sasl;

/**
 * SCRAM-SHA-256 (RFC 7677), bound to the TLS connection (`-PLUS`, RFC 5929 `tls-server-end-point`) where there is one and the server offers it. The server
 * proves that it knows the password too: one that merely collects logins fails here. Iterations are bounded by the library.
 */
export class Scram {
  readonly #tls: TLSSocket | false;
  readonly #password: string;
  readonly #exchange: ScramExchange;

  /** `mechanisms` as the server offers them. */
  constructor(mechanisms: readonly string[], password: string, tls: TLSSocket | undefined) {
    this.#tls = tls !== undefined && mechanisms.includes('SCRAM-SHA-256-PLUS') ? tls : false;
    this.#password = password;
    this.#exchange = attempt(() => library.startSession(mechanisms, this.#tls));
  }

  /** The mechanism chosen. */
  get mechanism(): string {
    return this.#exchange.mechanism;
  }

  /** What to send next. */
  get response(): string {
    return this.#exchange.response;
  }

  /** Takes the server's challenge. */
  async continue(data: string): Promise<void> {
    try {
      await library.continueSession(this.#exchange, this.#password, data, this.#tls);
    } catch (cause) {
      throw scramError(cause);
    }
  }

  /** Takes the server's proof; throws if it is none. */
  finish(data: string): void {
    attempt(() => library.finalizeSession(this.#exchange, data));
  }
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw scramError(cause);
  }
}

function scramError(cause: unknown): GatewayError {
  return new GatewayError(
    'credential-refused',
    `SCRAM with the database failed: ${cause instanceof Error ? cause.message : String(cause)}`,
    {
      cause,
    },
  );
}
