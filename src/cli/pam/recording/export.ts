import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { formatBytes } from '../../frame/text.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { askTheDeskThatKnows } from '../every-desk.ts';

const EXAMPLE = 'pam recording export Xk2vQ9b1T0mYwz4c5d6e7f -o session.cast';

/** `pam recording export ID -o FILE`: a recording as asciicast v2, which players such as asciinema show. */
export function exportRecordingCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'export',
    summary: 'write a recording as asciicast v2, whichever instance has it',
    examples: [EXAMPLE],
  });
  return addProfileOptions(command)
    .argument('<id>', 'id of the recording')
    .option('-o, --output <FILE>', 'file to write')
    .action(async (id: string, options: ProfileOptions & { readonly output?: string }) => {
      const path = requireFlag(options.output, '--output', EXAMPLE);
      const written = await withClient(terminal, options, ({ client }) =>
        writeWhole(path, askTheDeskThatKnows(client, { kind: 'read-recording', id }, terminal.signal)),
      );
      if (written.end !== 'complete') terminal.note(noteOfEnd(written.end));
      if (options.json === true) return terminal.printJson({ id, file: path, ...written });
      terminal.print(`${path}: ${formatBytes(written.bytes)}`);
    });
}

/** What is said of a recording that was not read to its end. */
export function noteOfEnd(end: 'cut-off' | 'damaged'): string {
  if (end === 'cut-off') return 'The recording has no end yet: its session runs, or its worker was lost.';
  return 'The recording was changed after it was written: only what stands before the change is shown.';
}

/** A reader of the file sees the whole recording or none of it. */
async function writeWhole(path: string, parts: ReturnType<typeof askTheDeskThatKnows>) {
  const beside = `${path}.part`;
  const file = createWriteStream(beside, { mode: 0o600 });
  let bytes = 0;
  let end: 'complete' | 'cut-off' | 'damaged' = 'cut-off';
  try {
    for await (const part of parts) {
      if (part.kind === 'done') end = part.end;
      if (part.kind !== 'text') continue;
      bytes += part.data.length;
      if (!file.write(part.data)) await once(file, 'drain');
    }
    file.end();
    await finished(file);
    await rename(beside, path);
    return { bytes, end };
  } catch (cause) {
    file.destroy();
    await rm(beside, { force: true });
    if (cause instanceof GatewayError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError('storage-failed', `${path} cannot be written: ${reason}`, { cause });
  }
}
