import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Narrator } from './narrator.ts';
import type { Programs } from './programs.ts';
import { TourError } from './tour-error.ts';

/** What a tunnel of the tour is started with. */
export interface TourTunnelInit {
  readonly record: string;
  /** Local port. */
  readonly port: number;
  readonly programs: Programs;
  readonly env: Readonly<Record<string, string>>;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
}

/** Until the tunnel says that it listens. */
const LISTENING_MS = 30_000;
/** Pieces of its stderr that are kept for the case that it fails. */
const ERRORS_MAX = 50;

/** Starts `pam tunnel start` and waits until it says that it listens; what it says is shown. */
export async function startTourTunnel({
  record,
  port,
  programs,
  env,
  narrator,
  signal,
}: TourTunnelInit): Promise<void> {
  const args = ['tunnel', 'start', record, '-p', String(port)];
  narrator.command('admin', `pam ${args.join(' ')}`);
  const child = programs.start({ program: 'pam', args, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const errors: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => {
    if (errors.length < ERRORS_MAX) errors.push(chunk.toString());
  });
  if (child.stdout === null) throw new TourError('pam tunnel start has no output');
  const lines = createInterface({ input: child.stdout });
  const over = new AbortController();
  const deadline = AbortSignal.any([signal, over.signal, AbortSignal.timeout(LISTENING_MS)]);
  try {
    const ended = once(child, 'exit', { signal: deadline }).then(() => undefined);
    const first: unknown[] | undefined = await Promise.race([once(lines, 'line', { signal: deadline }), ended]);
    if (first === undefined) throw new TourError(`pam tunnel start has ended: ${errors.join('').trim()}`);
    narrator.note(String(first[0]));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TourError) throw error;
    throw new TourError(`pam tunnel start did not listen within ${LISTENING_MS / 1000} s`, {
      cause: error,
    });
  } finally {
    over.abort();
  }
}
