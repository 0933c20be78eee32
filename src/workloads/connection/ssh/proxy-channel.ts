import type { ClientChannel, PseudoTtyInfo, ServerChannel, Session as ServerSession } from 'ssh2';
import { GatewayError } from '../../../base/errors.ts';
import type { Recording } from '../../../recording/index.ts';
import type { Variable } from '../../../wire/connection-message.ts';
import type { Ending } from '../outcome.ts';
import { startRecording } from '../session-recording.ts';
import { type ExitStatus, type OpenChannel, openChannel, openSubsystem } from './channel.ts';
import { screenFilter } from './clipboard-filter.ts';
import { FileLog } from './file-log.ts';
import { brakeOf, pour } from './outflow.ts';
import type { SshSession } from './terminal-session.ts';

/** Environment variables of one channel. */
const VARIABLES_MAX = 64;
/** Commands that other programs send to carry files: what they say is no text, and is not kept. */
const FILE_COMMAND = /^(?:\S*\/)?(?:scp|rsync|sftp-server|internal-sftp)(?:\s|$)/;

/** As ssh ends where there was no session. */
const EXIT_REFUSED = 255;

/** What a channel was asked for. */
interface Wanted {
  readonly kind: 'shell' | 'command' | 'subsystem';
  readonly text: string | null;
}

/** One shell, command or subsystem of somebody's own `ssh`. */
export class ProxyChannel {
  readonly #init: SshSession;
  readonly #onEnd: () => void;
  readonly #environment: Variable[] = [];
  #pty: PseudoTtyInfo | null = null;
  #near: ServerChannel | undefined;
  #far: ClientChannel | undefined;
  #recording: Recording | null = null;
  #files: FileLog | undefined;
  #isOver = false;

  /** Listens from now on; `onEnd` is called when it is over. */
  constructor(init: SshSession, session: ServerSession, onEnd: () => void) {
    this.#init = init;
    this.#onEnd = onEnd;
    session.on('pty', (accept, _reject, info) => {
      this.#pty = info;
      accept?.();
    });
    session.on('env', (accept, reject, { key, val }) => {
      if (this.#environment.length >= VARIABLES_MAX) return reject?.();
      this.#environment.push({ name: key, value: val });
      accept?.();
    });
    session.on('window-change', (accept, _reject, { cols, rows, width, height }) => {
      this.#recording?.resize(cols, rows);
      this.#far?.setWindow(rows, cols, height, width);
      accept?.();
    });
    session.on('signal', (accept, _reject, { name }) => {
      this.#far?.signal(name);
      accept?.();
    });
    session.on('auth-agent', (_accept, reject) => reject?.());
    session.on('x11', (_accept, reject) => reject?.());
    session.on('shell', (accept, reject) => this.#start({ kind: 'shell', text: null }, accept, reject));
    session.on('exec', (accept, reject, { command }) =>
      this.#start({ kind: 'command', text: command }, accept, reject),
    );
    session.on('subsystem', (accept, reject, { name }) =>
      this.#start({ kind: 'subsystem', text: name }, accept, reject),
    );
    session.on('close', () => void this.#close(null, { reason: 'normal', text: 'the client closed the channel' }));
  }

  /** A line for the person, where there is one. */
  tell(text: string): void {
    if (this.#pty !== null) this.#near?.stderr.write(`\r\n[gateway] ${text}\r\n`);
  }

  /** Ends it for a reason of the whole session. */
  async end(ending: Ending): Promise<void> {
    if (ending.reason !== 'normal' && this.#near?.writable === true) {
      this.#near.stderr.write(`\r\n[gateway] session ended (${ending.reason}): ${ending.text}\r\n`);
    }
    await this.#close(null, ending);
  }

  #start(wanted: Wanted, accept: () => ServerChannel, reject: () => void): void {
    if (this.#near !== undefined) return reject();
    const near = accept();
    this.#near = near;
    near.pause();
    near.on('error', () => undefined);
    const refusal = this.#refusalOf(wanted);
    if (refusal !== null) return this.#fail(near, refusal);
    this.#begin(near, wanted).catch((error: unknown) => {
      this.#fail(near, error instanceof Error ? error.message : String(error));
    });
  }

  /** A refused request would leave some clients waiting: they get a reason, and an end. */
  #fail(near: ServerChannel, text: string): void {
    near.stderr.write(`[gateway] ${text}\r\n`);
    void this.#close({ code: EXIT_REFUSED, signal: null }, { reason: 'target-refused', text });
  }

  #refusalOf({ kind, text }: Wanted): string | null {
    if (kind === 'subsystem' && text !== 'sftp') return `subsystem ${text} is not passed on`;
    const isFiles = kind === 'subsystem' || FILE_COMMAND.test(text ?? '');
    return isFiles && !this.#init.options.fileTransfer ? 'file transfer is not allowed in this session' : null;
  }

  async #begin(near: ServerChannel, wanted: Wanted): Promise<void> {
    const { session, components, guard, options, target } = this.#init;
    const pty = this.#pty;
    this.#recording = await startRecording({ session, recorder: components.recorder, guard }, options, {
      user: target.user,
      columns: pty?.cols || 80,
      rows: pty?.rows || 24,
      terminal: pty?.term ?? null,
      command: wanted.kind === 'subsystem' ? `(${wanted.text})` : wanted.text,
    });
    const opened =
      wanted.kind === 'subsystem'
        ? await openSubsystem(target, wanted.text ?? '')
        : await openChannel(target, {
            pty: pty === null ? null : ptyOf(pty),
            command: wanted.text,
            environment: this.#environment,
          });
    this.#far = opened.channel;
    this.#carry(near, opened, wanted);
  }

  #carry(near: ServerChannel, { channel: far, closed }: OpenChannel, wanted: Wanted): void {
    const { guard, options } = this.#init;
    this.#files = wanted.kind === 'subsystem' ? this.#followFiles() : undefined;
    const isFiles = this.#files !== undefined || FILE_COMMAND.test(wanted.text ?? '');
    const recording = isFiles ? null : this.#recording;
    const kept = recording === null ? [] : [recording];
    const screen = isFiles ? { clipboard: true } : options;
    const [shown, complained] = [screenFilter(screen), screenFilter(screen)];
    const outward = (chunk: Buffer): void => {
      guard.touch();
      this.#look(() => this.#files?.fromTarget(chunk));
      const data = shown(chunk);
      recording?.output(data);
      near.write(data);
    };
    const errors = (chunk: Buffer): void => {
      guard.touch();
      const data = complained(chunk);
      recording?.errorOutput(data);
      near.stderr.write(data);
    };
    const inward = (data: Buffer): void => {
      guard.touch();
      this.#look(() => this.#files?.fromClient(data));
      if (options.recordsInput) recording?.input(data);
      if (far.writable) far.write(data);
    };
    pour(far, outward, [brakeOf(near), ...kept]);
    pour(far.stderr, errors, [brakeOf(near), ...kept]);
    pour(near, inward, [brakeOf(far)]);
    near.on('end', () => far.end());
    near.resume();
    void closed.then((status) => this.#close(status, { reason: 'normal', text: 'the session has ended' }));
  }

  #followFiles(): FileLog {
    return new FileLog((line) => this.#recording?.output(Buffer.from(`${line}\r\n`)));
  }

  /** What cannot be followed cannot be recorded. */
  #look(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      void this.#close(null, { reason: 'protocol-error', text: error.message });
    }
  }

  async #close(status: ExitStatus | null, { reason, text }: Ending): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const near = this.#near;
    if (near?.writable === true) {
      if (status !== null && status.signal !== null) near.exit(status.signal, false, '');
      else near.exit(status?.code ?? EXIT_REFUSED);
      near.end();
      near.resume();
    }
    this.#far?.destroy();
    this.#files?.end();
    await this.#recording?.end({ reason, text, exitCode: status?.code ?? null, bytesIn: 0, bytesOut: 0 });
    this.#onEnd();
  }
}

function ptyOf({ term, cols, rows, width, height, modes }: PseudoTtyInfo) {
  return { term, cols, rows, width, height, modes };
}
