import type { Duplex } from 'node:stream';
import ssh2, { type Client } from 'ssh2';
import { GatewayError } from '../../../base/errors.ts';
import type { Vault } from '../../../vault/index.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { dialTarget } from '../../tunnel/dial.ts';
import type { ProtocolComponents } from '../index.ts';
import { readOptions } from '../record-options.ts';
import { judgeHostKey, type TrustedHostKey } from './host-key.ts';
import { type Login, loginsOf } from './login.ts';

/** A target that has let the gateway in. */
export interface SshTarget {
  readonly client: Client;
  readonly hostKey: TrustedHostKey;
  /** Who is logged in. */
  readonly user: string;
  /** Closes it, and what it was reached through. */
  close(): void;
}

/** What reaching a target takes. */
export interface TargetPowers {
  readonly vault: Vault;
  readonly components: ProtocolComponents;
  readonly signal: AbortSignal;
}

/** From the connection to the login. Raising it helps targets that look up names slowly. */
const LOGIN_MS = 15_000;
/** A connection without any other traffic is kept open, and found dead, by a request each quarter of a minute. */
const KEEP_ALIVE_MS = 15_000;
const KEEP_ALIVE_UNANSWERED_MAX = 3;
/** Records jumped through on the way. */
const JUMPS_MAX = 4;

/**
 * Connects to the record's target and logs in with its credential. Throws `target-refused`, `target-unreachable`, `target-timeout`, `host-key-changed`,
 * `credential-missing`, `credential-refused`, `not-supported`, `bad-config`, `cancelled`, and what the vault throws.
 */
export async function openTarget(
  record: TargetRecord,
  powers: TargetPowers,
  jumps: readonly string[] = [],
): Promise<SshTarget> {
  const { vault, signal, components } = powers;
  const logins = loginsOf(await vault.read(record.recordId, signal), record, components.keyRing);
  for (const [place, login] of logins.entries()) {
    try {
      return await openWith(login, { ...powers, record, jumps });
    } catch (error) {
      const isLast = place === logins.length - 1;
      if (isLast || !(error instanceof GatewayError && error.code === 'credential-refused')) throw error;
    }
  }
  throw new GatewayError('credential-missing', `record "${record.title}" has no credential`);
}

interface Way extends TargetPowers {
  readonly record: TargetRecord;
  readonly jumps: readonly string[];
}

async function openWith(login: Login, way: Way): Promise<SshTarget> {
  const { stream, close } = await openWay(way);
  try {
    const { client, hostKey } = await logIn(login, stream, way);
    return {
      client,
      hostKey,
      user: login.user,
      close: () => {
        client.end();
        close();
      },
    };
  } catch (error) {
    stream.destroy();
    close();
    throw error;
  }
}

/** The bytes to the target: a socket, or a channel through the record that stands before it. */
async function openWay({ record, jumps, ...powers }: Way): Promise<{ stream: Duplex; close: () => void }> {
  const { via } = readOptions(record);
  if (via === null) return { stream: await dialTarget(record, powers.signal), close: () => undefined };
  const jump = findJump(record, via, { components: powers.components, jumps });
  const before = await openTarget(jump, powers, [...jumps, record.recordId]);
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  before.client.forwardOut('127.0.0.1', 0, record.host, record.port, (error, channel) => {
    if (error === undefined) return resolve(channel);
    const message = `${jump.title} cannot connect to ${record.host}:${record.port}: ${error.message}`;
    reject(new GatewayError('target-unreachable', message, { cause: error }));
  });
  try {
    return { stream: await promise, close: () => before.close() };
  } catch (error) {
    before.close();
    throw error;
  }
}

function findJump(
  { title, recordId }: TargetRecord,
  via: string,
  { components, jumps }: Pick<Way, 'components' | 'jumps'>,
): TargetRecord {
  const found = components.findRecords(via);
  const [first] = found;
  const jump = found.find((record) => record.recordId === via) ?? (found.length === 1 ? first : undefined);
  const fault =
    jump === undefined
      ? found.length === 0
        ? 'is not known'
        : `is the title of ${found.length} records`
      : jump.protocol !== 'ssh'
        ? `has the protocol ${jump.protocol}, not ssh`
        : [...jumps, recordId].includes(jump.recordId) || jumps.length >= JUMPS_MAX
          ? `leads in a circle or over more than ${JUMPS_MAX} records`
          : undefined;
  if (jump !== undefined && fault === undefined) return jump;
  throw new GatewayError('bad-config', `record "${title}" is reached through "${via}", which ${fault}`);
}

async function logIn(
  { user, methods, remark }: Login,
  stream: Duplex,
  { record, components, signal }: Way,
): Promise<Pick<SshTarget, 'client' | 'hostKey'>> {
  const client = new ssh2.Client();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const place = `${record.host}:${record.port}`;
  let hostKey: TrustedHostKey | undefined;
  let refusal: unknown;
  const onAbort = (): void => reject(new GatewayError('cancelled', `cancelled while logging in to ${place}`));
  signal.addEventListener('abort', onAbort, { once: true });
  client.once('ready', resolve);
  // Stays: an error after the login is followed by `close`, which ends the session.
  client.on('error', (error) => reject(refusal ?? explain(error, { record, user, remark })));
  client.once('close', () => reject(new GatewayError('target-reset', `${place} closed the connection`)));
  try {
    client.connect({
      sock: stream,
      username: user,
      authHandler: [...methods(() => client)],
      readyTimeout: LOGIN_MS,
      keepaliveInterval: KEEP_ALIVE_MS,
      keepaliveCountMax: KEEP_ALIVE_UNANSWERED_MAX,
      hostVerifier: (key: Buffer) => {
        try {
          hostKey = judgeHostKey(key, { record, pinned: readOptions(record).hostKey, book: components.hostKeys });
          return true;
        } catch (error) {
          refusal = error;
          return false;
        }
      },
    });
    await promise;
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  if (hostKey === undefined) throw new GatewayError('target-reset', `${place} showed no host key`);
  return { client, hostKey };
}

function explain(
  error: Error & { readonly level?: string },
  { record, user, remark }: Pick<Login, 'user' | 'remark'> & { readonly record: TargetRecord },
): GatewayError {
  const place = `${record.host}:${record.port}`;
  switch (error.level) {
    case 'client-authentication':
      return new GatewayError(
        'credential-refused',
        `${place} refused the credential of record "${record.title}" for the user ${user}${remark === null ? '' : ` (${remark})`}`,
        {
          remedy:
            'An admin stores the right one with pam record edit, or the target does not allow this way of logging in.',
        },
      );
    case 'client-timeout':
      return new GatewayError('target-timeout', `${place} did not finish the login within ${LOGIN_MS / 1000} s`);
    case 'client-socket':
      return new GatewayError('target-reset', `${place} broke off during the login`, { cause: error });
    default:
      return new GatewayError('target-refused', `${place} does not speak SSH as it should: ${error.message}`, {
        cause: error,
      });
  }
}
