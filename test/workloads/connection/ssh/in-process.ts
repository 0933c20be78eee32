/** Sessions as `pam launch` has them, without a process for each: the same client code between a gateway and streams of the test. */

import { PassThrough } from 'node:stream';
import { placeSession } from '../../../../src/access/client/index.ts';
import type { AccessClient } from '../../../../src/access/index.ts';
import type { LocalTerminal } from '../../../../src/cli/pam/launch/local-terminal.ts';
import { runTerminalClient, type TerminalRun } from '../../../../src/cli/pam/launch/terminal-client.ts';
import { CONNECTION_VERSION, type TerminalInfo, type WorkerMessage } from '../../../../src/wire/connection-message.ts';
import { soon } from '../../../access/pool.ts';

/** What to begin. */
export interface LaunchInit {
  readonly recordId: string;
  readonly command?: string | null;
  /** `files`: SFTP in the place of a shell. Default `terminal`. */
  readonly mode?: 'terminal' | 'files';
  readonly terminal?: TerminalInfo | null;
  /** The whole input; left out: the input stays open and is written by the test. */
  readonly input?: string | Uint8Array;
}

/** A session under way. */
export interface Launched {
  readonly jobId: string;
  readonly opened: Promise<Extract<WorkerMessage, { readonly kind: 'opened' }>>;
  readonly input: PassThrough;
  /** What comes, as bytes. */
  readonly replies: PassThrough;
  /** What came so far. */
  output(): string;
  errors(): string;
  notices(): readonly string[];
  /** Resolves when the output holds this. */
  until(text: string): Promise<void>;
  /** Another size of the screen. */
  resize(columns: number, rows: number): void;
  /** The person leaves. */
  leave(): void;
  readonly ended: Promise<TerminalRun>;
}

/** Begins a session. Throws what refuses it. */
export async function launch(client: AccessClient, init: LaunchInit): Promise<Launched> {
  const parameters = [{ name: 'mode', value: init.mode ?? 'terminal' }];
  const placed = await placeSession(client, { kind: 'connection', recordId: init.recordId, parameters }, soon());
  const screen = new Screen(init.terminal ?? null);
  const opened = Promise.withResolvers<Awaited<Launched['opened']>>();
  const leaving = new AbortController();
  const notices: string[] = [];
  if (init.input !== undefined) screen.input.end(init.input);
  const ended = runTerminalClient({
    duplex: client.duplex(placed.stream),
    local: screen.local(),
    open: {
      kind: 'open',
      version: CONNECTION_VERSION,
      terminal: init.terminal ?? null,
      command: init.command ?? null,
      environment: [{ name: 'LANG', value: 'C.UTF-8' }],
    },
    onOpened: opened.resolve,
    onNotice: (text) => notices.push(text),
    signal: leaving.signal,
  });
  void ended.then(({ end }) => opened.reject(new Error(`ended before: ${JSON.stringify(end)}`)));
  opened.promise.catch(() => undefined);
  return {
    jobId: placed.jobId,
    opened: opened.promise,
    input: screen.input,
    replies: screen.replies,
    output: () => screen.text('output'),
    errors: () => screen.text('errors'),
    notices: () => notices,
    until: (text) => screen.until(text),
    resize: (columns, rows) => screen.resize(columns, rows),
    leave: () => leaving.abort(),
    ended,
  };
}

class Screen {
  readonly input = new PassThrough();
  readonly replies = new PassThrough();
  readonly #errors = new PassThrough();
  readonly #chunks = { output: [] as Buffer[], errors: [] as Buffer[] };
  #wake = Promise.withResolvers<void>();

  constructor(terminal: TerminalInfo | null) {
    Object.assign(this.replies, { columns: terminal?.columns ?? 0, rows: terminal?.rows ?? 0 });
    this.replies.on('data', (chunk: Buffer) => this.#take(this.#chunks.output, chunk));
    this.#errors.on('data', (chunk: Buffer) => this.#take(this.#chunks.errors, chunk));
  }

  local(): LocalTerminal {
    return { input: this.input, output: this.replies, errors: this.#errors };
  }

  text(which: 'output' | 'errors'): string {
    return Buffer.concat(this.#chunks[which]).toString();
  }

  resize(columns: number, rows: number): void {
    Object.assign(this.replies, { columns, rows });
    this.replies.emit('resize');
  }

  async until(text: string): Promise<void> {
    const deadline = soon();
    while (!this.text('output').includes(text)) {
      if (deadline.aborted) throw new Error(`"${text}" did not come in: ${this.text('output')}`);
      await Promise.race([this.#wake.promise, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }
  }

  #take(chunks: Buffer[], chunk: Buffer): void {
    chunks.push(chunk);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}
