import type { Command } from 'commander';
import { defineCommand } from '../../frame/command-tree.ts';
import { requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import { addProfileOptions, type Connected, type ProfileOptions, withClient } from '../connection.ts';
import { findRecord } from '../find-record.ts';
import { assertSucceeded, awaitJob } from './await-job.ts';
import { findJob, renderJob } from './job-info.ts';

interface RotateOptions extends ProfileOptions {
  readonly record?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
}

const EXAMPLE = 'pam action rotate -r orders-db --wait';

/** `pam action rotate -r RECORD`: a new credential for the record's account. */
export function rotateCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'rotate',
    summary: "give a record's account a new credential",
    examples: [EXAMPLE, 'pam action rotate -r orders-db --dry-run --wait'],
  }).alias('r');
  return addProfileOptions(command)
    .option('-r, --record <RECORD>', 'id or unique title')
    .option('--dry-run', 'only look whether it could be done')
    .option('--wait', 'until it has ended; the exit code tells how')
    .action((options: RotateOptions) => {
      const named = requireFlag(options.record, '--record', EXAMPLE);
      return withClient(terminal, options, (connected) => rotate(connected, { named, options }, terminal));
    });
}

async function rotate(
  connected: Connected,
  { named, options }: { readonly named: string; readonly options: RotateOptions },
  terminal: Terminal,
): Promise<void> {
  const { client } = connected;
  const { recordId, title } = await findRecord(client, named, terminal.signal);
  const parameters = options.dryRun === true ? [{ name: 'dry-run', value: 'yes' }] : [];
  const { jobId, notice, worker } = await client.submit({ kind: 'rotation', recordId, parameters }, terminal.signal);
  if (options.wait !== true) {
    if (options.json === true) return terminal.printJson({ jobId, state: notice.state, record: recordId, worker });
    return terminal.print(`rotation of ${printable(title)}: job ${jobId}\nNext: pam action job-info ${jobId}`);
  }
  const ended = await awaitJob(client, jobId, terminal);
  const job = await findJob(connected, jobId, terminal.signal);
  if (options.json === true) terminal.printJson(job);
  else terminal.print(renderJob(job, terminal.style()).join('\n'));
  assertSucceeded(ended);
}
