import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { exportRecordingCommand } from './export.ts';
import { listRecordingsCommand } from './list.ts';
import { playRecordingCommand } from './play.ts';
import { searchRecordingsCommand } from './search.ts';

/** `pam recording …`. */
export function recordingGroup(terminal: Terminal): Command {
  return defineGroup(
    {
      name: 'recording',
      summary: 'recordings of sessions',
      examples: ['pam recording list', 'pam recording play Xk2vQ9b1T0mYwz4c5d6e7f'],
    },
    [
      listRecordingsCommand(terminal),
      playRecordingCommand(terminal),
      exportRecordingCommand(terminal),
      searchRecordingsCommand(terminal),
    ],
  );
}
