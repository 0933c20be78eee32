import type { Socket } from 'node:net';
import { GatewayError } from '../../../base/errors.ts';
import type { Recording } from '../../../recording/index.ts';
import { isLease } from '../../../wire/access-job.ts';
import type { Joined, Outcome, Session, SessionChannel } from '../../workload.ts';
import type { ProtocolComponents } from '../index.ts';
import { type Ending, outcomeOf, outcomeOfError } from '../outcome.ts';
import type { ConnectionOptions } from '../record-options.ts';
import { SessionGuard } from '../session-guard.ts';
import { startRecording } from '../session-recording.ts';
import { termsOf } from '../session-terms.ts';
import type { StatementSink } from '../statement-sink.ts';
import { sayFarewell } from './farewell.ts';
import { runDatabaseLease } from './lease.ts';
import { passBytes, Refusal, type Watcher } from './pass.ts';

/** A session whose both sides are logged in. */
export interface Begun {
  /** Paused. */
  readonly socket: Socket;
  /** Whom the gateway has logged in as. */
  readonly user: string;
  /** Lets the client in. */
  welcome(): void;
  /** `end` ends the session. */
  watch(sink: StatementSink, end: (ending: Ending) => void): SessionWatcher;
}

/** A watcher that knows how sessions of its protocol end. */
export interface SessionWatcher extends Watcher {
  /** The client has said that it is done. */
  readonly isDone: boolean;
}

/** The client's side of a protocol, for one session. */
export interface DatabaseClient {
  /** Logs in on both sides. Undefined: there is nothing more to do. Throws whatever is wrong as a typed error. */
  begin(session: Session, terms: ConnectionOptions): Promise<Begun | undefined>;
  /** What the client is told of a failure before it was let in. */
  encodeFailure(error: GatewayError): Uint8Array;
  /** What it is told when a session is ended for it. */
  encodeEnding(ending: Ending): Uint8Array;
}

/** One connection of a client to a database: everything that is alike in all protocols. */
export async function runDatabase(
  session: Session,
  components: ProtocolComponents,
  createClient: (channel: SessionChannel) => DatabaseClient,
): Promise<Outcome> {
  if (isLease(session.request)) return runDatabaseLease(session);
  const channel = session.accept();
  const client = createClient(channel);
  try {
    const options = termsOf(session);
    const begun = await client.begin(session, options);
    if (begun !== undefined) return await carryOut({ session, components, channel, client, options, begun });
    await sayFarewell(channel.stream);
    return { state: 'succeeded', error: null, bytesIn: 0, bytesOut: 0 };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    await sayFarewell(channel.stream, client.encodeFailure(error));
    return outcomeOfError(error);
  }
}

interface CarryOutInit {
  readonly session: Session;
  readonly components: ProtocolComponents;
  readonly channel: SessionChannel;
  readonly client: DatabaseClient;
  readonly options: ConnectionOptions;
  readonly begun: Begun;
}

async function carryOut(init: CarryOutInit): Promise<Outcome> {
  const { session, components, options, begun } = init;
  using guard = new SessionGuard(session, options);
  try {
    const screen = { user: begun.user, columns: 80, rows: 24, terminal: null, command: session.record.protocol };
    const recording = await startRecording({ session, recorder: components.recorder, guard }, options, screen);
    const { ending, bytesIn, bytesOut } = await pass(init, guard, recording);
    await recording.end({ ...ending, exitCode: null, bytesIn, bytesOut });
    return outcomeOf(ending, { bytesIn, bytesOut });
  } finally {
    begun.socket.destroy();
  }
}

async function pass(
  { channel, client, begun }: CarryOutInit,
  guard: SessionGuard,
  recording: Recording,
): Promise<Joined & { readonly ending: Ending }> {
  const refusal = new Refusal();
  let ended: Ending | undefined;
  void guard.ended.then((ending) => {
    ended = ending;
    refusal.refuse(client.encodeEnding(ending));
  });
  const watcher = begun.watch({ take: (event) => recording.statement(event) }, ({ reason, text }) => {
    guard.end(reason, text);
    // At once, not when the promise settles: what is being looked at must not go on.
    refusal.refuse(client.encodeEnding({ reason, text }));
  });
  begun.welcome();
  const onBytes = (): void => {
    guard.touch();
    if (recording.isFull) waitForDisk(channel, recording);
  };
  const joined = await passBytes({ channel, socket: begun.socket, watcher, refusal, onBytes });
  return { ...joined, ending: ended ?? endingOf(joined, watcher) };
}

/** The disk is slower than the client: it waits. */
function waitForDisk({ stream }: SessionChannel, recording: Recording): void {
  if (stream.readStatus !== 'readable') return;
  stream.pause();
  void recording.drained().then(() => {
    if (stream.readStatus === 'paused') stream.resume();
  });
}

function endingOf({ end }: Joined, { isDone }: SessionWatcher): Ending {
  if (end === 'aborted') return { reason: 'instance-stopping', text: 'the session was cancelled' };
  if (end === 'closed' || isDone) return { reason: 'normal', text: 'closed' };
  if (end === 'stream-reset') return { reason: 'client-lost', text: 'the client broke off' };
  return { reason: 'target-lost', text: 'the database broke off' };
}
