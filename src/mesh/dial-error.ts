import { type ErrorCode, GatewayError } from '../base/errors.ts';

/** Why a dial failed. */
export type DialReason =
  /** The address is this instance's own. */
  | 'self'
  /** Somebody answered who does not know the pool secret, or speaks something else. */
  | 'not-a-member'
  /** A member answered, but not the one the address names. */
  | 'wrong-peer'
  /** Closed before the handshake: overloaded, stopping, or something else listens there. */
  | 'closed'
  | 'timed-out'
  | 'refused'
  | 'unreachable'
  /** The host name is not known. */
  | 'unresolved'
  /** The caller gave up, or this instance is stopping. */
  | 'cancelled';

/** A failed dial; with several addresses, the failure that tells most. */
export class DialError extends GatewayError {
  readonly reason: DialReason;
  readonly address: string;

  /** `detail` replaces the standard sentence about the reason. */
  constructor(
    reason: DialReason,
    address: string,
    options: { readonly detail?: string; readonly cause?: unknown } = {},
  ) {
    super(CODES[reason], `${address}: ${options.detail ?? SENTENCES[reason]}`, {
      remedy: REMEDIES[reason],
      cause: options.cause,
    });
    this.reason = reason;
    this.address = address;
  }
}

/** The failure that tells most about why none of the addresses worked: a bug before all, then the one furthest along the handshake. */
export function mostTelling(failures: readonly unknown[]): unknown {
  const rank = (failure: unknown): number => (failure instanceof DialError ? TELLING.indexOf(failure.reason) : -1);
  return [...failures].sort((left, right) => rank(left) - rank(right))[0];
}

const TELLING: readonly DialReason[] = [
  'cancelled',
  'not-a-member',
  'wrong-peer',
  'closed',
  'timed-out',
  'refused',
  'unreachable',
  'unresolved',
  'self',
];

const CODES: Readonly<Record<DialReason, ErrorCode>> = {
  self: 'unreachable',
  'not-a-member': 'not-a-member',
  'wrong-peer': 'unreachable',
  closed: 'unreachable',
  'timed-out': 'unreachable',
  refused: 'unreachable',
  unreachable: 'unreachable',
  unresolved: 'unreachable',
  cancelled: 'cancelled',
};

const SENTENCES: Readonly<Record<DialReason, string>> = {
  self: 'this instance itself',
  'not-a-member': 'other pool secret or not a gateway mesh port',
  'wrong-peer': 'another instance than the address names',
  closed: 'closed the connection before the handshake',
  'timed-out': 'no answer in time',
  refused: 'connection refused',
  unreachable: 'host or network unreachable',
  unresolved: 'host name not found',
  cancelled: 'given up',
};

const REMEDIES: Readonly<Record<DialReason, string>> = {
  self: 'Name the address of another instance.',
  'not-a-member':
    'Start both instances with the same gateway configuration, and check that this is the mesh port (7400), not the access port.',
  'wrong-peer': 'The instance behind this address has changed its identity: use the address without the /p2p/ part.',
  closed: 'Try again shortly; check that this is the mesh port (7400).',
  'timed-out': 'Check the address, and that no firewall drops the mesh port.',
  refused: 'Check that the instance is running and that this is its mesh port (7400).',
  unreachable: 'Check the address and the route to it.',
  unresolved: 'Check the host name.',
  cancelled: 'Try again.',
};
