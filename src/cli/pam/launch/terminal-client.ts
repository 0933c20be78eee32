import type { Duplex, Writable } from 'node:stream';
import { GatewayError } from '../../../base/errors.ts';
import {
  type ClientMessage,
  DATA_BYTES_MAX,
  encodeClientMessage,
  type WorkerMessage,
  workerMessages,
} from '../../../wire/connection-message.ts';
import { type LocalTerminal, RawInput, screenSize } from './local-terminal.ts';

/** What to begin, and who hears of it. */
export interface TerminalRunInit {
  /** The session's stream. */
  readonly duplex: Duplex;
  readonly local: LocalTerminal;
  readonly open: Extract<ClientMessage, { readonly kind: 'open' }>;
  readonly onOpened: (opened: Extract<WorkerMessage, { readonly kind: 'opened' }>) => void;
  readonly onNotice: (text: string) => void;
  /** The person gives up: the session is closed. */
  readonly signal: AbortSignal;
}

/** How a session ended. */
export interface TerminalRun {
  /** Null: the target did not say. */
  readonly exit: Omit<Extract<WorkerMessage, { readonly kind: 'exit' }>, 'kind'> | null;
  /** Null: the worker, or the way to it, was lost. */
  readonly end: Omit<Extract<WorkerMessage, { readonly kind: 'end' }>, 'kind'> | null;
}

/** Joins the local terminal to a session until that has ended. Never throws for what the other side does, except for `bad-message`. */
export async function runTerminalClient(init: TerminalRunInit): Promise<TerminalRun> {
  const client = new TerminalClient(init);
  return client.run();
}

class TerminalClient {
  readonly #init: TerminalRunInit;
  readonly #cutter = workerMessages();
  readonly #over = Promise.withResolvers<void>();
  #raw: RawInput | undefined;
  #exit: TerminalRun['exit'] = null;
  #end: TerminalRun['end'] = null;

  constructor(init: TerminalRunInit) {
    this.#init = init;
  }

  async run(): Promise<TerminalRun> {
    const { duplex, local, open, signal } = this.#init;
    const onSize = (): void => this.#send({ kind: 'resize', ...screenSize(local) });
    const onAbort = (): void => void duplex.end();
    duplex.on('data', (chunk: Buffer) => this.#onData(chunk));
    duplex.on('error', () => this.#over.resolve());
    duplex.once('close', () => this.#over.resolve());
    duplex.once('end', () => this.#over.resolve());
    signal.addEventListener('abort', onAbort, { once: true });
    if (open.terminal !== null) local.output.on('resize', onSize);
    this.#send(open);
    try {
      await this.#over.promise;
      await Promise.all([written(local.output), written(local.errors)]);
      return { exit: this.#exit, end: this.#end };
    } finally {
      this.#raw?.[Symbol.dispose]();
      local.output.off('resize', onSize);
      signal.removeEventListener('abort', onAbort);
      local.input.off('data', this.#onInput).off('end', this.#onInputEnd).pause();
      duplex.end();
    }
  }

  #onData(chunk: Buffer): void {
    try {
      for (const message of this.#cutter.take(chunk)) this.#onMessage(message);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#over.reject(error);
    }
  }

  #onMessage(message: WorkerMessage): void {
    const { local } = this.#init;
    switch (message.kind) {
      case 'opened':
        this.#init.onOpened(message);
        return this.#beginInput();
      case 'output':
        return this.#show(local.output, message.data);
      case 'error-output':
        return this.#show(local.errors, message.data);
      case 'notice':
        return this.#init.onNotice(message.text);
      case 'exit':
        this.#exit = message;
        return;
      case 'end':
        this.#end = message;
        return this.#over.resolve();
    }
  }

  #beginInput(): void {
    const { local, open } = this.#init;
    if (open.terminal !== null) this.#raw = new RawInput(local);
    local.input.on('data', this.#onInput).once('end', this.#onInputEnd);
    local.input.resume();
  }

  readonly #onInput = (chunk: Buffer): void => {
    for (let at = 0; at < chunk.length; at += DATA_BYTES_MAX) {
      this.#send({ kind: 'input', data: chunk.subarray(at, at + DATA_BYTES_MAX) });
    }
    const { duplex, local } = this.#init;
    if (!duplex.writableNeedDrain) return;
    local.input.pause();
    duplex.once('drain', () => local.input.resume());
  };

  readonly #onInputEnd = (): void => this.#send({ kind: 'input-end' });

  #show(output: Writable, data: Uint8Array): void {
    if (output.write(data)) return;
    const { duplex } = this.#init;
    duplex.pause();
    output.once('drain', () => duplex.resume());
  }

  #send(message: ClientMessage): void {
    if (this.#init.duplex.writable) this.#init.duplex.write(encodeClientMessage(message));
  }
}

function written(output: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (output.writableLength === 0 || output.destroyed) resolve();
    else output.write('', () => resolve());
  });
}
