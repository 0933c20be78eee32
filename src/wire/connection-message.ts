import { ERROR_TEXT_MAX, NAME_LENGTH_MAX } from './bounds.ts';
import { bytes, type Codec, decode, encode, list, nullable, struct, text, uint, union, word } from './codec.ts';
import { encodeFrame, FrameCutter } from './framing.ts';

/**
 * The terminal protocol: what a client and a worker say to each other on the session stream of a connection whose job has the
 * parameter `mode` = `terminal`. Frames of a uint32 BE length and CBOR. The first frame is the client's `open`, answered by `opened` or `end`; the
 * worker's last frame is `end`, always, unless it or the way to it is lost. Case numbers: append only. Trust: both sides check size and form; what
 * the worker sends as text or output comes from the target and is shown, never obeyed.
 */
export type ClientMessage =
  /** Begins a shell, or the command. Null terminal: no pty, the two outputs stay apart. */
  | {
      readonly kind: 'open';
      readonly version: number;
      readonly terminal: TerminalInfo | null;
      readonly command: string | null;
      readonly environment: readonly Variable[];
    }
  | { readonly kind: 'input'; readonly data: Uint8Array }
  | { readonly kind: 'input-end' }
  | { readonly kind: 'resize'; readonly columns: number; readonly rows: number }
  /** Name without SIG. */
  | { readonly kind: 'signal'; readonly name: string };

/** What the worker says. */
export type WorkerMessage =
  | {
      readonly kind: 'opened';
      readonly version: number;
      /** Null: the session is not recorded. */
      readonly recordingId: string | null;
      /** The target's host key, `SHA256:…`. */
      readonly hostKey: string;
      /** Where the key was already trusted from; `new`: seen for the first time, trusted from now on. */
      readonly hostKeyTrust: HostKeyTrust;
    }
  | { readonly kind: 'output'; readonly data: Uint8Array }
  | { readonly kind: 'error-output'; readonly data: Uint8Array }
  /** How the command ended: a code, or the name of a signal without SIG. */
  | { readonly kind: 'exit'; readonly code: number | null; readonly signal: string | null }
  /** A line for the person at the terminal. */
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'end'; readonly reason: CloseReason; readonly text: string };

/** A pty. */
export interface TerminalInfo {
  /** Value of TERM. */
  readonly name: string;
  readonly columns: number;
  readonly rows: number;
}

/** An environment variable; most servers accept only LANG and LC_*. */
export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** What vouches for a host key. Append only. */
export const HOST_KEY_TRUSTS = ['record', 'worker', 'new'] as const;
/** What vouches for a host key: the signed record, this worker's earlier session, or nothing yet. */
export type HostKeyTrust = (typeof HOST_KEY_TRUSTS)[number];

/** Why a connection ended. Append only. */
export const CLOSE_REASONS = [
  /** The command or shell ended, or the client was done. */
  'normal',
  /** The client went away without saying so. */
  'client-lost',
  /** Nothing was typed and nothing came for longer than the record allows. */
  'idle-limit',
  /** It lasted as long as the record allows. */
  'total-limit',
  /** Somebody who may ended it; the text says what they wrote. */
  'terminated',
  /** The target closed the connection, or it broke. */
  'target-lost',
  /** The target refused the shell, the command or the subsystem. */
  'target-refused',
  /** It has to be recorded and cannot be. */
  'recording-failed',
  /** The instance stops. */
  'instance-stopping',
  /** The other side sent what the protocol does not allow. */
  'protocol-error',
] as const;
/** Why a connection ended. */
export type CloseReason = (typeof CLOSE_REASONS)[number];

/** The label of a record that pins its host key: `SHA256:…`. */
export const HOST_KEY_LABEL = 'ssh.host-key';
/** Version of the terminal protocol; a worker answers the lower of its own and the client's. */
export const CONNECTION_VERSION = 1;
/** A command line: as much as one argument of execve may have. */
export const COMMAND_LENGTH_MAX = 128 * 1024;
/** Bytes of one piece of input or output. */
export const DATA_BYTES_MAX = 64 * 1024;
/** Environment variables of one session. */
const VARIABLES_MAX = 64;
const VARIABLE_LENGTH_MAX = 4096;
/** Columns or rows: nobody has more, and a server allocates them. */
const CELLS_MAX = 10_000;
/** Most bytes of a message: the command dominates, three bytes a character. */
export const CONNECTION_MESSAGE_BYTES_MAX = 3 * COMMAND_LENGTH_MAX + 2 * VARIABLES_MAX * VARIABLE_LENGTH_MAX;

/** Text with any characters, for what is passed on to a target as it is. */
const rawText = (max: number): Codec<string> => ({
  toWire: (value) => new TextEncoder().encode(value),
  fromWire: (raw, path) => new TextDecoder().decode(bytes({ max: 3 * max }).fromWire(raw, path)),
});
const data = bytes({ max: DATA_BYTES_MAX });
const cells = uint(CELLS_MAX, 1);

/** Wire form of what a client says. */
export const clientCodec: Codec<ClientMessage> = union<ClientMessage>({
  open: [
    0,
    struct({
      version: uint(0xffff, 1),
      terminal: nullable(struct<TerminalInfo>({ name: text(NAME_LENGTH_MAX), columns: cells, rows: cells })),
      command: nullable(rawText(COMMAND_LENGTH_MAX)),
      environment: list(
        struct<Variable>({ name: text(NAME_LENGTH_MAX), value: rawText(VARIABLE_LENGTH_MAX) }),
        VARIABLES_MAX,
      ),
    }),
  ],
  input: [1, struct({ data })],
  'input-end': [2, struct({})],
  resize: [3, struct({ columns: cells, rows: cells })],
  signal: [4, struct({ name: text(NAME_LENGTH_MAX) })],
});

/** Wire form of what a worker says. */
export const workerCodec: Codec<WorkerMessage> = union<WorkerMessage>({
  opened: [
    0,
    struct({
      version: uint(0xffff, 1),
      recordingId: nullable(text(NAME_LENGTH_MAX)),
      hostKey: text(NAME_LENGTH_MAX),
      hostKeyTrust: word(HOST_KEY_TRUSTS),
    }),
  ],
  output: [1, struct({ data })],
  'error-output': [2, struct({ data })],
  exit: [3, struct({ code: nullable(uint(0xffff_ffff)), signal: nullable(text(NAME_LENGTH_MAX)) })],
  notice: [4, struct({ text: text(ERROR_TEXT_MAX) })],
  end: [5, struct({ reason: word(CLOSE_REASONS), text: text(ERROR_TEXT_MAX) })],
});

/** The frame of a client's message. */
export function encodeClientMessage(message: ClientMessage): Uint8Array {
  return encodeFrame(encode(clientCodec, message));
}

/** The frame of a worker's message. */
export function encodeWorkerMessage(message: WorkerMessage): Uint8Array {
  return encodeFrame(encode(workerCodec, message));
}

/** Cuts what arrives into messages; holds at most one incomplete one. */
export class MessageCutter<T> {
  readonly #codec: Codec<T>;
  readonly #cutter = new FrameCutter(CONNECTION_MESSAGE_BYTES_MAX);

  constructor(codec: Codec<T>) {
    this.#codec = codec;
  }

  /** The whole messages that end in this chunk; throws `bad-message`. */
  take(chunk: Uint8Array): readonly T[] {
    this.#cutter.push(chunk);
    const messages: T[] = [];
    for (let frame = this.#cutter.next(); frame !== undefined; frame = this.#cutter.next()) {
      messages.push(decode(this.#codec, frame, CONNECTION_MESSAGE_BYTES_MAX));
    }
    return messages;
  }
}

/** Reads what a client sends. */
export function clientMessages(): MessageCutter<ClientMessage> {
  return new MessageCutter(clientCodec);
}

/** Reads what a worker sends. */
export function workerMessages(): MessageCutter<WorkerMessage> {
  return new MessageCutter(workerCodec);
}

/** Text that fits a message, without control characters: it may come from anywhere. */
export function cutText(whole: string, max = ERROR_TEXT_MAX): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  return whole.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, max);
}
