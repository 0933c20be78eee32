import type { Command } from 'commander';
import { compareText } from '../../../base/bytes.ts';
import { formatUnixMs } from '../../../base/stamp.ts';
import type { SessionEntry } from '../../../wire/desk-message.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatAgo, formatId } from '../../frame/text.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { askEveryDesk } from '../every-desk.ts';
import { noteSilent } from '../recording/list.ts';

/** `pam session list`: sessions under way on all instances. */
export function listSessionsCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'list',
    summary: 'sessions under way: all for an admin, your own for anybody else',
    examples: ['pam session list', 'pam session list --json'],
  });
  return addProfileOptions(command).action(async (options: ProfileOptions) => {
    const answer = await withClient(terminal, options, ({ client }) =>
      askEveryDesk(client, { kind: 'list-sessions' }, terminal.signal),
    );
    const sessions = answer.parts
      .flatMap(({ instanceId, part }) => (part.kind === 'session' ? [reportSession(instanceId, part.entry)] : []))
      .sort((left, right) => compareText(left.startedAt, right.startedAt) || compareText(left.jobId, right.jobId));
    noteSilent(terminal, answer);
    if (options.json === true) return terminal.printJson({ sessions, silent: answer.silent });
    terminal.print(renderSessions(sessions, terminal.style()).join('\n'));
  });
}

function reportSession(worker: string, entry: SessionEntry) {
  const { jobId, kind, protocol, recordId, recordTitle, target, user, startedUnixMs, command, recordingId } = entry;
  const startedAt = formatUnixMs(startedUnixMs);
  return {
    jobId,
    kind,
    protocol,
    record: recordId,
    title: recordTitle,
    target,
    user,
    startedAt,
    command,
    recordingId,
    worker,
  };
}

function renderSessions(sessions: readonly ReturnType<typeof reportSession>[], style: Style): readonly string[] {
  if (sessions.length === 0) return ['No sessions'];
  return formatTable({
    width: style.width,
    paintTitle: style.palette.faint,
    columns: [
      { title: 'SESSION' },
      { title: 'RECORD', cutTo: 8 },
      { title: 'TARGET', cutTo: 12, dropOrder: 2 },
      { title: 'USER', cutTo: 6 },
      { title: 'STARTED', align: 'right' },
      { title: 'WORKER', dropOrder: 1 },
      { title: 'RECORDED', dropOrder: 3 },
      { title: 'COMMAND', cutTo: 8, dropOrder: 1 },
    ],
    rows: sessions.map((one) => [
      one.jobId,
      one.title,
      one.target,
      one.user,
      formatAgo(one.startedAt, style.nowUnixMs),
      formatId(one.worker, style.verbose),
      one.recordingId === null ? 'no' : 'yes',
      one.command ?? '(shell)',
    ]),
  });
}
