import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseNumber } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { askTheDeskThatKnows } from '../every-desk.ts';
import { castEvents, showEvent } from './cast-events.ts';
import { noteOfEnd } from './export.ts';

interface PlayOptions extends ProfileOptions {
  readonly speed: string;
  readonly idleLimit: string;
}

/** `pam recording play ID`: a recording in this terminal, at its own pace. */
export function playRecordingCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'play',
    summary: 'show a recording in this terminal; Ctrl-C ends it',
    examples: ['pam recording play Xk2vQ9b1T0mYwz4c5d6e7f', 'pam recording play Xk2vQ9b1T0mYwz4c5d6e7f --speed 10'],
  });
  return addProfileOptions(command)
    .argument('<id>', 'id of the recording')
    .option('--speed <N>', 'so many times as fast; 0: without waiting', '1')
    .option('--idle-limit <SECONDS>', 'no pause is longer', '2')
    .action(async (id: string, options: PlayOptions) => {
      const speed = parseNumber(options.speed, { flag: '--speed', min: 0, max: 1000 });
      const pauseMs = 1000 * parseNumber(options.idleLimit, { flag: '--idle-limit', min: 0, max: 3600 });
      await withClient(terminal, options, async ({ client }) => {
        const parts = askTheDeskThatKnows(client, { kind: 'read-recording', id }, terminal.signal);
        let atMs = 0;
        for await (const event of castEvents(parts, (end) => terminal.note(noteOfEnd(end)))) {
          if (speed > 0)
            await delay(Math.min(pauseMs, event.atMs - atMs) / speed, undefined, { signal: terminal.signal });
          atMs = event.atMs;
          showEvent(event, process.stdout);
        }
      });
    });
}
