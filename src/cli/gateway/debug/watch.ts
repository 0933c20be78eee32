import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { parseNumber } from '../../frame/flags.ts';
import { type LiveScreen, openLiveScreen } from '../../frame/live-screen.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { chooseDataDir } from '../data-dir.ts';
import { defineReportCommand, type ReportOptions } from './define-report.ts';
import { renderWatch, type WatchReports } from './watch-screen.ts';

const INTERVAL_SECONDS = 1;
const INTERVAL_SECONDS_MAX = 3600;
/** Jobs and events asked for: more than any screen shows. */
const LINES_ASKED = 100;

/** `gateway debug watch`: a live screen of the pool. */
export function watchCommand(terminal: Terminal): Command {
  return defineReportCommand({
    name: 'watch',
    summary: 'a live screen: members, seats, loads, jobs and events; q leaves',
    examples: ['gateway debug watch', 'gateway debug watch --interval 5'],
  })
    .option('--interval <SECONDS>', `seconds between two looks (default: ${INTERVAL_SECONDS})`)
    .action((options: ReportOptions & { readonly interval?: string }) => watch(terminal, options));
}

async function watch(terminal: Terminal, options: ReportOptions & { readonly interval?: string }): Promise<void> {
  const bounds = { flag: '--interval', min: 1, max: INTERVAL_SECONDS_MAX };
  const seconds = options.interval === undefined ? INTERVAL_SECONDS : parseNumber(options.interval, bounds);
  const directory = await chooseDataDir(options.dataDir, terminal.env);
  if (options.json === true) return watchLines(terminal, directory, seconds);
  // Somebody who watches wants to know at once that there is nothing to watch.
  let last = await askAll(directory, terminal.signal);
  const screen = openLiveScreen(terminal.signal);
  try {
    while (!screen.left.aborted) {
      draw(screen, terminal, last, options);
      await pause(seconds * 1000, screen);
      last = screen.left.aborted ? last : await askAgain(directory, screen.left, last);
    }
  } finally {
    screen.close();
  }
}

/** Without a screen: one document per line and look, for whoever records it. */
async function watchLines(terminal: Terminal, directory: string, seconds: number): Promise<void> {
  while (!terminal.signal.aborted) {
    terminal.printJson(await askAll(directory, terminal.signal), { line: true });
    await delay(seconds * 1000, undefined, { signal: terminal.signal }).catch(() => undefined);
  }
}

function draw(screen: LiveScreen, terminal: Terminal, reports: WatchReports, { verbose }: ReportOptions): void {
  const style: Style = { ...terminal.style({ verbose }), width: screen.size().columns };
  screen.draw(renderWatch(reports, style, screen.size().rows));
}

async function pause(ms: number, screen: LiveScreen): Promise<void> {
  const passed = new AbortController();
  const signal = AbortSignal.any([screen.left, passed.signal]);
  await Promise.race([delay(ms, undefined, { signal }).catch(() => undefined), screen.resized(signal)]);
  passed.abort();
}

async function askAll(directory: string, signal: AbortSignal): Promise<WatchReports> {
  const { askControl } = await import('../../../api/client.ts');
  const [pool, members, admission, jobs, events] = await Promise.all([
    askControl(directory, { kind: 'pool' }, signal),
    askControl(directory, { kind: 'members' }, signal),
    askControl(directory, { kind: 'admission' }, signal),
    askControl(directory, { kind: 'jobs', most: LINES_ASKED }, signal),
    askControl(directory, { kind: 'events', most: LINES_ASKED }, signal),
  ]);
  return { pool, members, admission, jobs, events, problem: null };
}

/** An instance that ends or hangs while it is watched leaves its last picture on the screen, with the reason above. */
async function askAgain(directory: string, signal: AbortSignal, last: WatchReports): Promise<WatchReports> {
  try {
    return await askAll(directory, signal);
  } catch (error) {
    if (signal.aborted) return last;
    if (error instanceof GatewayError) return { ...last, problem: error.message };
    throw error;
  }
}
