import { once } from 'node:events';
import { emitKeypressEvents } from 'node:readline';
import { GatewayError } from '../../base/errors.ts';

/** A full-screen view on the terminal's alternate buffer: what was on the screen before is there again afterwards. */
export interface LiveScreen {
  /** Aborted when the reader leaves: `q`, Ctrl-C, Escape or the end of the command. */
  readonly left: AbortSignal;
  size(): { readonly columns: number; readonly rows: number };
  draw(lines: readonly string[]): void;
  /** Ends at the next change of the terminal's size, or when nobody waits for it any more. */
  resized(signal: AbortSignal): Promise<void>;
  close(): void;
}

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const NO_WRAP = '\u001b[?7l';
const WRAP = '\u001b[?7h';

/** Takes the screen. Throws `bad-usage` where there is none. */
export function openLiveScreen(ended: AbortSignal): LiveScreen {
  const { stdin, stdout } = process;
  if (!stdout.isTTY || !stdin.isTTY) {
    throw new GatewayError('bad-usage', 'a live screen needs a terminal', {
      remedy: 'Take gateway debug members, or --json for one document per line.',
    });
  }
  const leaving = new AbortController();
  const onKey = (text: string | undefined, key: { readonly name?: string; readonly ctrl?: boolean }): void => {
    if (text === 'q' || key.name === 'escape' || (key.ctrl === true && key.name === 'c')) leaving.abort();
  };
  // Whatever ends the process, the terminal must be usable again.
  const restore = (): void => {
    stdout.write(WRAP + LEAVE);
  };
  emitKeypressEvents(stdin);
  stdin.setRawMode(true).resume().on('keypress', onKey);
  process.once('exit', restore);
  stdout.write(ENTER);
  return {
    left: AbortSignal.any([leaving.signal, ended]),
    size: () => ({ columns: stdout.columns, rows: stdout.rows }),
    draw: (lines) => {
      const text = lines.map((line) => line + CLEAR_LINE_END).join('\r\n');
      stdout.write(NO_WRAP + HOME + text + CLEAR_BELOW);
    },
    resized: async (signal) => {
      await once(stdout, 'resize', { signal }).catch(() => undefined);
    },
    close: () => {
      process.off('exit', restore);
      stdin.off('keypress', onKey).setRawMode(false).pause();
      restore();
    },
  };
}
