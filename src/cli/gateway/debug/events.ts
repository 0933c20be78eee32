import type { Command } from 'commander';
import { EVENTS_MAX, type EventReport, type EventsReport } from '../../../api/client.ts';
import { parseNumber } from '../../frame/flags.ts';
import type { Palette } from '../../frame/palette.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatClock, printable, shortenIds } from '../../frame/text.ts';
import { defineReportCommand, type ReportOptions, showReport } from './define-report.ts';

const EVENT_WIDTH = 24;

/** `gateway debug events`: what happened on this instance. */
export function eventsCommand(terminal: Terminal): Command {
  return defineReportCommand({
    name: 'events',
    summary: 'the latest events of this instance, newest last',
    examples: ['gateway debug events -n 20', 'gateway debug events --json'],
  })
    .option('-n, --most <number>', `how many at most, up to ${EVENTS_MAX}`)
    .action((options: ReportOptions & { readonly most?: string }) => {
      const most =
        options.most === undefined
          ? {}
          : { most: parseNumber(options.most, { flag: '--most', min: 1, max: EVENTS_MAX }) };
      return showReport(terminal, { ask: { kind: 'events', ...most }, render: renderEvents }, options);
    });
}

/** One line per event: time, level, name, values. */
export function renderEvents({ events }: EventsReport, { palette, verbose }: Style): readonly string[] {
  if (events.length === 0) return ['No events yet.'];
  return events.map((event) => {
    const time = verbose ? event.at : formatClock(event.at, true);
    const values = Object.entries(event.detail).map(
      ([name, value]) => `${palette.faint(`${name}=`)}${printable(shortenIds(String(value), verbose))}`,
    );
    return `${palette.faint(time)}  ${paintLevel(event, palette)}  ${printable(event.event).padEnd(EVENT_WIDTH)}  ${values.join(' ')}`.trimEnd();
  });
}

function paintLevel({ level }: EventReport, palette: Palette): string {
  const word = level.padEnd('error'.length);
  if (level === 'error') return palette.bad(word);
  return level === 'warn' ? palette.warning(word) : palette.faint(word);
}
