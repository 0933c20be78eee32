import type { ClientChannel } from 'ssh2';
import { GatewayError } from '../../../base/errors.ts';
import type { Recording } from '../../../recording/index.ts';
import {
  type ClientMessage,
  CONNECTION_VERSION,
  clientMessages,
  cutText,
  encodeWorkerMessage,
  type WorkerMessage,
} from '../../../wire/connection-message.ts';
import type { ChannelDuplex, Outcome, Session } from '../../workload.ts';
import type { ProtocolComponents } from '../index.ts';
import type { Ending } from '../outcome.ts';
import type { ConnectionOptions } from '../record-options.ts';
import type { SessionGuard } from '../session-guard.ts';
import { startRecording } from '../session-recording.ts';
import { type ExitStatus, type OpenChannel, openChannel, openSubsystem } from './channel.ts';
import { screenFilter } from './clipboard-filter.ts';
import { FileLog } from './file-log.ts';
import { brakeOf, pour } from './outflow.ts';
import type { SshTarget } from './target.ts';

/** A session whose target has let the gateway in. */
export interface SshSession {
  readonly session: Session;
  readonly components: ProtocolComponents;
  readonly options: ConnectionOptions;
  readonly target: SshTarget;
  readonly guard: SessionGuard;
}

/** How it went. */
export interface Ended {
  readonly ending: Ending;
  readonly bytes: Pick<Outcome, 'bytesIn' | 'bytesOut'>;
}

/** The client must say what it wants by then. */
const OPEN_MS = 10_000;
/** What was sent last must be taken by then: nobody waits for a client that is gone. */
const FAREWELL_MS = 5_000;

/** Carries one shell or command between the client and the target, to its end. */
export async function runTerminal(init: SshSession, mode: 'terminal' | 'files'): Promise<Ended> {
  const duplex = init.session.accept().duplex();
  const ending = await new TerminalSession(init, duplex, mode).run();
  return { ending, bytes: { bytesIn: duplex.bytesIn, bytesOut: duplex.bytesOut } };
}

type Open = Extract<ClientMessage, { readonly kind: 'open' }>;

class TerminalSession {
  readonly #init: SshSession;
  readonly #duplex: ChannelDuplex;
  readonly #cutter = clientMessages();
  readonly #opened = Promise.withResolvers<Open>();
  #channel: ClientChannel | undefined;
  #recording: Recording | null = null;
  #exit: ExitStatus | null = null;

  /** What the client and the target say about files; undefined: it is a shell or a command. */
  readonly #files: FileLog | undefined;

  constructor(init: SshSession, duplex: ChannelDuplex, mode: 'terminal' | 'files') {
    this.#init = init;
    this.#duplex = duplex;
    if (mode === 'files') this.#files = new FileLog((line) => this.#recording?.output(Buffer.from(`${line}\r\n`)));
  }

  /** To the end of the session, whatever ends it; everything is closed when it resolves. */
  async run(): Promise<Ending> {
    const { guard } = this.#init;
    this.#listen();
    const late = setTimeout(() => guard.end('protocol-error', `the client did not say what it wants`), OPEN_MS);
    void this.#opened.promise.then(() => clearTimeout(late));
    const begun = this.#opened.promise
      .then((open) => this.#begin(open))
      .catch((error: unknown) => this.#onFailure(error));
    const ending = await guard.ended;
    clearTimeout(late);
    // What is still being opened fails at once when its target is closed.
    if (this.#channel === undefined) this.#init.target.close();
    await begun;
    this.#channel?.destroy();
    await this.#endRecording(ending);
    await this.#farewell(ending);
    return ending;
  }

  #listen(): void {
    const { guard, session } = this.#init;
    const duplex = this.#duplex;
    duplex.on('data', (chunk: Buffer) => this.#onData(chunk));
    duplex.once('end', () => guard.end('normal', 'the client closed the session'));
    duplex.on('error', () => guard.end('client-lost', 'the connection to the client was lost'));
    duplex.once('close', () => guard.end('client-lost', 'the connection to the client was lost'));
    const onDraining = (): void =>
      this.#send({
        kind: 'notice',
        text: 'this gateway instance is draining: please finish; new sessions go to other instances',
      });
    session.draining.addEventListener('abort', onDraining, { once: true });
    void guard.ended.then(() => session.draining.removeEventListener('abort', onDraining));
  }

  #onData(chunk: Buffer): void {
    try {
      for (const message of this.#cutter.take(chunk)) this.#onMessage(message);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#init.guard.end('protocol-error', error.message);
    }
  }

  #onMessage(message: ClientMessage): void {
    if (message.kind === 'open') return this.#opened.resolve(message);
    const channel = this.#channel;
    if (channel === undefined) throw new GatewayError('bad-message', `${message.kind} before the session has begun`);
    this.#init.guard.touch();
    switch (message.kind) {
      case 'input':
        return this.#onInput(channel, message.data);
      case 'input-end':
        return void channel.end();
      case 'resize':
        this.#recording?.resize(message.columns, message.rows);
        return channel.setWindow(message.rows, message.columns, 0, 0);
      case 'signal':
        return channel.signal(message.name);
    }
  }

  #onInput(channel: ClientChannel, data: Uint8Array): void {
    this.#files?.fromClient(data);
    if (this.#init.options.recordsInput && this.#files === undefined) this.#recording?.input(data);
    if (!channel.writable || channel.write(data)) return;
    this.#duplex.pause();
    void brakeOf(channel)
      .drained()
      .then(() => this.#duplex.resume());
  }

  async #begin(open: Open): Promise<void> {
    const { session, components, guard, options, target } = this.#init;
    const { terminal, command, environment } = open;
    this.#recording = await startRecording({ session, recorder: components.recorder, guard }, options, {
      user: target.user,
      columns: terminal?.columns ?? 80,
      rows: terminal?.rows ?? 24,
      terminal: terminal?.name ?? null,
      command: this.#files === undefined ? command : '(sftp)',
    });
    const pty = terminal === null ? null : { term: terminal.name, cols: terminal.columns, rows: terminal.rows };
    const opened =
      this.#files === undefined
        ? await openChannel(target, { pty, command, environment })
        : await openSubsystem(target, 'sftp');
    const { fingerprint, trust } = target.hostKey;
    const version = Math.min(open.version, CONNECTION_VERSION);
    const recordingId = this.#recording?.id ?? null;
    this.#send({ kind: 'opened', version, recordingId, hostKey: fingerprint, hostKeyTrust: trust });
    this.#carry(opened);
  }

  #carry({ channel, closed }: OpenChannel): void {
    const { guard, options } = this.#init;
    this.#channel = channel;
    const brakes = [brakeOf(this.#duplex), ...(this.#recording === null ? [] : [this.#recording])];
    const shown = this.#files === undefined ? screenFilter(options) : undefined;
    pour(
      channel,
      (chunk) => {
        guard.touch();
        const data = shown === undefined ? this.#passFiles(chunk) : shown(chunk);
        if (shown !== undefined) this.#recording?.output(data);
        this.#send({ kind: 'output', data });
      },
      brakes,
    );
    const complained = screenFilter(options);
    pour(
      channel.stderr,
      (chunk) => {
        guard.touch();
        const data = complained(chunk);
        this.#recording?.errorOutput(data);
        this.#send({ kind: 'error-output', data });
      },
      brakes,
    );
    void closed.then((status) => {
      this.#exit = status;
      if (status !== null) guard.end('normal', 'the session has ended');
      else guard.end('target-lost', 'the target closed the session without saying how it ended');
    });
  }

  /** From the target: what was done is noted, the bytes are not. */
  #passFiles(chunk: Buffer): Buffer {
    try {
      this.#files?.fromTarget(chunk);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#init.guard.end('protocol-error', error.message);
    }
    return chunk;
  }

  #onFailure(error: unknown): void {
    const { guard } = this.#init;
    if (!(error instanceof GatewayError)) throw error;
    guard.end(error.code === 'recording-failed' ? 'recording-failed' : 'target-refused', error.message);
  }

  async #endRecording({ reason, text }: Ending): Promise<void> {
    const { bytesIn, bytesOut } = this.#duplex;
    this.#files?.end();
    await this.#recording?.end({ reason, text, exitCode: this.#exit?.code ?? null, bytesIn, bytesOut });
  }

  /** Says how it ended, and waits until the client has taken that in. */
  async #farewell({ reason, text }: Ending): Promise<void> {
    const duplex = this.#duplex;
    if (this.#exit !== null && reason === 'normal') this.#send({ kind: 'exit', ...this.#exit });
    this.#send({ kind: 'end', reason, text: cutText(text) });
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FAREWELL_MS);
    duplex.once('close', resolve);
    if (duplex.destroyed) resolve();
    duplex.end();
    duplex.resume();
    await over;
    clearTimeout(timer);
    duplex.destroy();
  }

  #send(message: WorkerMessage): void {
    if (this.#duplex.writable) this.#duplex.write(encodeWorkerMessage(message));
  }
}
