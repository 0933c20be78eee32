import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../../base/errors.ts';
import type { Terminal } from '../frame/terminal.ts';
import { countOf, formatDuration } from '../frame/text.ts';

/** How often a leaving instance is looked at. */
const LOOK_MS = 250;
/** How often progress is told. */
const TELL_MS = 5_000;

/** How to wait for an instance to leave. */
export interface LeaveInit {
  readonly directory: string;
  readonly name: string;
  /** Give up after this time; the instance goes on leaving. */
  readonly timeoutMs: number;
}

/** Waits until no instance answers on the data directory, and tells how many sessions still run. Throws `timeout`. */
export async function waitUntilGone(terminal: Terminal, { directory, name, timeoutMs }: LeaveInit): Promise<number> {
  const beganAtMs = performance.now();
  let toldAtMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    const sessions = await countOwnSessions(directory, terminal.signal);
    const passedMs = performance.now() - beganAtMs;
    if (sessions === 'gone') return Math.round(passedMs);
    if (passedMs > timeoutMs) throw stillThere(name, sessions, timeoutMs);
    if (sessions !== null && sessions > 0 && performance.now() - toldAtMs >= TELL_MS) {
      toldAtMs = performance.now();
      terminal.note(
        `${name}: ${countOf(sessions, 'session')} left, ${formatDuration(passedMs)} so far (Ctrl-C leaves it draining)`,
      );
    }
    await delay(LOOK_MS, undefined, { signal: terminal.signal });
  }
}

async function countOwnSessions(directory: string, signal: AbortSignal): Promise<number | null | 'gone'> {
  const { askControl } = await import('../../api/client.ts');
  try {
    const { self, members } = await askControl(directory, { kind: 'members' }, signal);
    const own = members.find(({ instanceId }) => instanceId === self);
    return own?.state === 'left' ? 'gone' : (own?.load.sessions ?? null);
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
