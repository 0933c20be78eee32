import type { Command } from 'commander';
import { compareText } from '../../../base/bytes.ts';
import { shortId } from '../../../base/ids.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { listRecords } from '../find-record.ts';
import { type RotationReport, reportRotation } from './report.ts';
import { listSchedules } from './schedules.ts';

/** `pam rotation list`: records that say how they are rotated, with when. */
export function listRotationsCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'list',
    summary: 'records with a schedule or options of rotation, and when they are due',
    examples: ['pam rotation list', 'pam rotation list --json'],
  }).alias('l');
  return addProfileOptions(command).action(async (options: ProfileOptions) => {
    const rotations = await withClient(terminal, options, async ({ client }) => {
      const records = (await listRecords(client, null, terminal.signal)).filter(saysHow);
      const rows = new Map((await listSchedules(client, null, terminal.signal)).map((row) => [row.recordId, row]));
      return records.map((record) => reportRotation(record, rows.get(record.recordId)));
    });
    rotations.sort((a, b) => compareText(a.title, b.title) || compareText(a.record, b.record));
    if (options.json === true) return terminal.printJson({ rotations });
    terminal.print(render(rotations, terminal.style()).join('\n'));
  });
}

function saysHow({ labels }: TargetRecord): boolean {
  return labels.some(({ key }) => key.startsWith('rotation.'));
}

function render(rotations: readonly RotationReport[], { palette, width }: Style): readonly string[] {
  if (rotations.length === 0)
    return ['No record says how it is rotated. Set a schedule with: pam rotation edit -r RECORD --every 30d'];
  return formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'RECORD', dropOrder: 2 },
      { title: 'TITLE', cutTo: 8 },
      { title: 'SCHEDULE', cutTo: 10 },
      { title: 'NEXT' },
      { title: 'LAST', dropOrder: 3 },
      { title: 'OWNER', dropOrder: 4 },
      { title: 'WAITING', cutTo: 20, dropOrder: 1 },
    ],
    rows: rotations.map(({ record, title, disabled, schedule, next, last, owner, waiting }) => [
      record,
      title,
      disabled ? 'disabled' : schedule,
      next ?? '–',
      last?.due ?? '–',
      owner === null ? '–' : shortId(owner),
      waiting === null ? '–' : `waiting: ${waiting}`,
    ]),
  });
}
