import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../../base/errors.ts';
import type { Terminal } from '../frame/terminal.ts';
import { countOf, formatDuration } from '../frame/text.ts';

/** How often a leaving instance is looked at. */
const LOOK_MS = 250;
/** How often progress is told. */
const TELL_MS = 5_000;

/** The closed socket comes before the end of the process: it has still to close its store and give its data directory back. */
const PROCESS_ENDS_MS = 5_000;
const PROCESS_LOOK_MS = 10;

/** How to wait for an instance to leave. */
export interface LeaveInit {
  readonly directory: string;
  readonly name: string;
  readonly processId: number;
  /** Give up after this time; the instance goes on leaving. */
  readonly timeoutMs: number;
}

/** Waits until the instance has ended, and tells how many sessions still run. Gives the milliseconds it took; throws `timeout`. */
export async function waitUntilGone(
  terminal: Terminal,
  { directory, name, processId, timeoutMs }: LeaveInit,
): Promise<number> {
  const beganAtMs = performance.now();
  let toldAtMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    const sessions = await countOwnSessions(directory, terminal.signal);
    const passedMs = performance.now() - beganAtMs;
    if (sessions === 'gone') break;
    if (passedMs > timeoutMs) throw stillThere(name, sessions, timeoutMs);
    if (sessions !== null && sessions > 0 && performance.now() - toldAtMs >= TELL_MS) {
      toldAtMs = performance.now();
      terminal.note(
        `${name}: ${countOf(sessions, 'session')} left, ${formatDuration(passedMs)} so far (Ctrl-C leaves it draining)`,
      );
    }
    await delay(LOOK_MS, undefined, { signal: terminal.signal });
  }
  await waitForProcess(processId, terminal.signal);
  return Math.round(performance.now() - beganAtMs);
}

/** A starter that does not collect its ended children keeps them visible for ever: the wait has an end. */
async function waitForProcess(processId: number, signal: AbortSignal): Promise<void> {
  const untilMs = performance.now() + PROCESS_ENDS_MS;
  while (isRunning(processId) && performance.now() < untilMs) await delay(PROCESS_LOOK_MS, undefined, { signal });
}

function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
}

async function countOwnSessions(directory: string, signal: AbortSignal): Promise<number | null | 'gone'> {
  const { askControl } = await import('../../api/client.ts');
  try {
    const { self, members } = await askControl(directory, { kind: 'members' }, signal);
    return members.find(({ instanceId }) => instanceId === self)?.load.sessions ?? null;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'unreachable') return 'gone';
    throw error;
  }
}

function stillThere(name: string, sessions: number | null, timeoutMs: number): GatewayError {
  const running = sessions === null ? '' : ` with ${countOf(sessions, 'session')}`;
  return new GatewayError('timeout', `${name} has not left within ${formatDuration(timeoutMs)}${running}`, {
    remedy: 'It goes on leaving. gateway stop ends it now, sessions or not.',
  });
}
