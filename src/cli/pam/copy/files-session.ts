import { PassThrough } from 'node:stream';
import { GatewayError } from '../../../base/errors.ts';
import { CONNECTION_VERSION, type WorkerMessage } from '../../../wire/connection-message.ts';
import { formatId, printable } from '../../frame/text.ts';
import type { Connected } from '../connection.ts';
import type { TerminalRun } from '../launch/terminal-client.ts';
import { failureOf } from '../session/ending.ts';
import { SftpClient } from './sftp-client.ts';

/** Which record's files, and who hears what. */
export interface FilesSessionInit {
  readonly connected: Connected;
  readonly recordId: string;
  readonly reason: string | undefined;
  readonly onOpened: (opened: Extract<WorkerMessage, { readonly kind: 'opened' }>) => void;
  readonly onNotice: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Where the session ran. */
export interface FilesSession {
  readonly jobId: string;
  readonly worker: string;
}

/** What was begun may be put right for so long after the person has given up. */
const FAREWELL_MS = 3_000;

/** Opens a session on a record's files, does the work, and closes it. Throws why the session ended, should that be what ends the work. */
export async function withFiles(
  init: FilesSessionInit,
  work: (sftp: SftpClient) => Promise<void>,
): Promise<FilesSession> {
  const { connected, recordId, signal } = init;
  const [{ placeSession }, { runTerminalClient }, { reasonParameter }] = await Promise.all([
    import('../../../access/client/index.ts'),
    import('../launch/terminal-client.ts'),
    import('../session/reason.ts'),
  ]);
  const { client } = connected;
  const parameters = [{ name: 'mode', value: 'files' }, ...reasonParameter(init.reason)];
  const placed = await placeSession(client, { kind: 'connection', recordId, parameters }, signal);
  const requests = new PassThrough();
  const replies = new PassThrough();
  const leaving = new AbortController();
  const onAbort = (): void => void setTimeout(() => leaving.abort(), FAREWELL_MS).unref();
  signal.addEventListener('abort', onAbort, { once: true });
  const run = runTerminalClient({
    duplex: client.duplex(placed.stream),
    local: { input: requests, output: replies, errors: new PassThrough().resume() },
    open: { kind: 'open', version: CONNECTION_VERSION, terminal: null, command: null, environment: [] },
    onOpened: init.onOpened,
    onNotice: (text) => init.onNotice(`[gateway] ${printable(text)}`),
    signal: leaving.signal,
  });
  const over = run.then(
    (ended) => whyOver(ended, placed.worker),
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  try {
    const sftp = new SftpClient(requests, replies, over);
    await sftp.start();
    await work(sftp);
  } finally {
    signal.removeEventListener('abort', onAbort);
    requests.end();
    leaving.abort();
    await over;
  }
  return { jobId: placed.jobId, worker: placed.worker };
}

function whyOver({ end }: TerminalRun, worker: string): Error {
  if (end !== null) return failureOf(end) ?? new GatewayError('target-reset', 'the target has ended its SFTP server');
  const message = `the session was lost: its worker ${formatId(worker, false)} is gone`;
  return new GatewayError('outcome-unknown', message, {
    remedy: 'Begin again with the same command.',
  });
}
