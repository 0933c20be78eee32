import type { Connection, Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { GatewayError } from '../../base/errors.ts';
import type { Verify } from '../../base/signing.ts';
import type { Welcome } from '../../wire/access-message.ts';
import { Protocol } from '../../wire/protocols.ts';
import type { Succession } from '../../wire/succession.ts';
import { parseAccessAddress } from '../address.ts';
import { DIAL_STAGGER_MS, DIAL_TIMEOUT_MS } from '../bounds.ts';
import { Deadline } from '../deadline.ts';
import { isProvenInstance } from '../instance-proof.ts';
import { followSuccession, type SuccessionAuthority } from '../succession.ts';
import { ControlClient, expectAnswer } from './control.ts';

/** An instance that has let this client in. */
export interface Entry {
  readonly address: string;
  readonly connection: Connection;
  readonly control: ControlClient;
  readonly welcome: Welcome;
  /** Monotonic, when the welcome arrived. */
  readonly welcomedAtMs: number;
  /** The statement by which the pool's key took the place of the one that was expected; null: it is that one. */
  readonly succession: Succession | null;
}

/** What finding an entry needs. */
export interface EntryComponents {
  readonly node: Libp2p;
  readonly verify: Verify;
  readonly grant: Uint8Array | null;
  /** Null: any instance is believed to belong to the pool. */
  readonly poolKey: string | null;
  /** Whose statement leads from that key to a later one; left out: nobody's does. */
  readonly admins?: SuccessionAuthority | undefined;
  /** Undefined: not known before the first welcome. */
  readonly gatewayUid: string | undefined;
}

/**
 * The first instance of the list that lets this client in: the addresses are tried in order, the next one whenever the ones before are silent for a
 * quarter of a second or have failed. Throws `not-allowed` if an instance says so, else `unreachable` naming every address and its reason.
 */
export async function findEntry(
  components: EntryComponents,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<Entry> {
  const { promise, resolve, reject } = Promise.withResolvers<Entry>();
  const failures = new Map<string, unknown>();
  const over = new AbortController();
  const attempt = AbortSignal.any([over.signal, signal]);
  let begun = 0;
  let stagger: NodeJS.Timeout | undefined;
  const beginNext = (): void => {
    clearTimeout(stagger);
    const address = addresses[begun];
    if (address === undefined || attempt.aborted) return;
    begun += 1;
    void enter(components, address, attempt).then(onEntry, (error: unknown) => onFailure(address, error));
    stagger = setTimeout(beginNext, DIAL_STAGGER_MS);
  };
  const onEntry = (entry: Entry): void => {
    if (over.signal.aborted) return entry.control.stop();
    over.abort();
    resolve(entry);
  };
  const onFailure = (address: string, error: unknown): void => {
    failures.set(address, error);
    if (failures.size === addresses.length) reject(summarise(failures));
    else beginNext();
  };
  const onAbort = (): void => reject(summarise(failures, addresses));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (addresses.length === 0) throw noAddress();
    if (signal.aborted) onAbort();
    beginNext();
    return await promise;
  } finally {
    over.abort();
    clearTimeout(stagger);
    signal.removeEventListener('abort', onAbort);
  }
}

async function enter(components: EntryComponents, address: string, signal: AbortSignal): Promise<Entry> {
  using deadline = new Deadline(DIAL_TIMEOUT_MS, [signal]);
  const bounded = deadline.signal;
  const connection = await components.node.dial(multiaddr(parseAccessAddress(address)), { signal: bounded });
  const control = new ControlClient(await connection.newStream(Protocol.accessControl, { signal: bounded }));
  try {
    const answer = await control.request({ kind: 'hello', grant: components.grant }, bounded);
    const welcome = expectAnswer(answer, 'welcome');
    const succession = assertOurs(components, welcome, connection);
    return { address, connection, control, welcome, welcomedAtMs: performance.now(), succession };
  } catch (error) {
    control.stop();
    throw error;
  }
}

/** Whoever answers must be an instance of this gateway: else it is not told anything more. By which statement it is, if it needs one. */
function assertOurs(
  { verify, poolKey, admins, gatewayUid }: EntryComponents,
  welcome: Welcome,
  { remotePeer }: Connection,
): Succession | null {
  const { instanceId, proof } = welcome;
  if (instanceId !== remotePeer.toString())
    throw new GatewayError('not-allowed', `${remotePeer} claims to be ${instanceId}`);
  if (gatewayUid !== undefined && welcome.gatewayUid !== gatewayUid) {
    throw new GatewayError('not-allowed', `gateway ${welcome.gatewayUid} is there, ${gatewayUid} is expected`);
  }
  if (poolKey === null || isProvenInstance({ poolKey, instanceId, proof }, verify)) return null;
  const succession = admins === undefined ? undefined : followSuccession(welcome, { poolKey, admins, verify });
  if (succession !== undefined && isProvenInstance({ poolKey: succession.poolKey, instanceId, proof }, verify))
    return succession;
  throw new GatewayError(
    'not-allowed',
    `instance ${instanceId} can't prove that it belongs to the gateway of this profile`,
    succession === undefined && welcome.succession !== ''
      ? {
          remedy:
            'Its pool secret was replaced, by admins whom this profile does not know: have the profile made anew.',
        }
      : {},
  );
}

function summarise(failures: ReadonlyMap<string, unknown>, addresses: readonly string[] = []): GatewayError {
  const refusal = [...failures.values()].find((error) => error instanceof GatewayError && error.code === 'not-allowed');
  if (refusal instanceof GatewayError) return refusal;
  const silent = addresses.filter((address) => !failures.has(address)).map((address) => `${address}: no answer`);
  const tried = [...[...failures].map(([address, error]) => `${address}: ${reasonOf(error)}`), ...silent];
  return new GatewayError('unreachable', `no gateway instance reachable (${tried.join('; ')})`, {
    remedy: 'Check that an instance runs, or name one that does with --address HOST:PORT.',
    cause: [...failures.values()][0],
  });
}

function noAddress(): GatewayError {
  return new GatewayError('unreachable', 'no address of a gateway instance is known', {
    remedy: 'Name one with --address HOST:PORT.',
  });
}

/** One short reason out of what libp2p and the system throw. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const system = /\bE[A-Z]{4,}\b/.exec(error.message)?.[0];
  switch (system) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ENOTFOUND':
      return 'host name not found';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'unreachable';
    default:
      break;
  }
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'no answer';
  return error.message.split('\n')[0] ?? error.name;
}
