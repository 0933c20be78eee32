/** Pure: a recording as documents and tables show it. */
import { formatUnixMs } from '../../../base/stamp.ts';
import type { RecordingEntry } from '../../../wire/desk-message.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style } from '../../frame/terminal.ts';
import { formatAgo, formatBytes, formatDuration } from '../../frame/text.ts';

/** The document of a recording. */
export function reportRecording(instanceId: string, { session, bytes, ending }: RecordingEntry) {
  const { recordingId, jobId, kind, protocol, recordId, recordTitle, target, user, startedUnixMs, command } = session;
  return {
    id: recordingId ?? '',
    jobId,
    kind,
    protocol,
    record: recordId,
    title: recordTitle,
    target,
    user,
    command,
    startedAt: formatUnixMs(startedUnixMs),
    durationMs: ending?.durationMs ?? null,
    bytes,
    closeReason: ending?.reason ?? null,
    exitCode: ending?.exitCode ?? null,
    bytesIn: ending?.bytesIn ?? null,
    bytesOut: ending?.bytesOut ?? null,
    instanceId,
  };
}

/** What `reportRecording` gives. */
export type RecordingReport = ReturnType<typeof reportRecording>;

/** The table. */
export function renderRecordings(recordings: readonly RecordingReport[], { palette, width, nowUnixMs }: Style) {
  if (recordings.length === 0) return ['No recordings'];
  return formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'ID' },
      { title: 'RECORD', cutTo: 8 },
      { title: 'USER', cutTo: 6 },
      { title: 'STARTED', align: 'right' },
      { title: 'LASTED', align: 'right' },
      { title: 'ENDED', cutTo: 6 },
      { title: 'SIZE', align: 'right', dropOrder: 2 },
      { title: 'COMMAND', cutTo: 8, dropOrder: 1 },
    ],
    rows: recordings.map((one) => [
      one.id,
      one.title,
      one.user,
      formatAgo(one.startedAt, nowUnixMs),
      one.durationMs === null ? '–' : formatDuration(one.durationMs),
      one.closeReason ?? 'running, or cut off',
      formatBytes(one.bytes),
      one.command ?? '(shell)',
    ]),
  });
}
