import { type Command, Option } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { NAME_LENGTH_MAX } from '../../../wire/bounds.ts';
import type { Parameter } from '../../../wire/job.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { collect, parseLabel, parseText, requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import { addProfileOptions, type Connected, type ProfileOptions, withClient } from '../connection.ts';
import { findRecord } from '../find-record.ts';
import { assertSucceeded, awaitJob } from './await-job.ts';
import { findJob, renderJob } from './job-info.ts';
import { assertAllWell, renderMany, rotateMany } from './rotate-many.ts';

interface RotateOptions extends ProfileOptions {
  readonly record?: string;
  readonly label: readonly string[];
  readonly on?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
}

const EXAMPLE = 'pam action rotate -r orders-db --wait';

/** `pam action rotate -r RECORD`: a new credential for the record's account. */
export function rotateCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'rotate',
    summary: 'give the account of a record, or of several, a new credential',
    examples: [
      EXAMPLE,
      'pam action rotate -r orders-db --dry-run --wait',
      'pam action rotate --label team=data --wait',
    ],
  }).alias('r');
  return addProfileOptions(command)
    .option('-r, --record <RECORD>', 'id or unique title')
    .addOption(
      new Option('--label <KEY=VALUE>', 'all records with this label instead (repeatable: with all of them)')
        .default([], 'none')
        .argParser(collect),
    )
    .option('--on <RECORD>', 'all accounts on this machine, database or directory instead')
    .option('--dry-run', 'only look whether it could be done')
    .option('--wait', 'until it has ended; the exit code tells how')
    .action((options: RotateOptions) => {
      if (options.label.length > 0 || options.on !== undefined) return rotateSeveral(terminal, options);
      const named = requireFlag(options.record, '--record', EXAMPLE);
      return withClient(terminal, options, (connected) => rotate(connected, { named, options }, terminal));
    });
}

/** The exit code is that of the first one that failed. */
async function rotateSeveral(terminal: Terminal, options: RotateOptions): Promise<void> {
  const { record, label, on, wait } = options;
  if (record !== undefined) throw new GatewayError('bad-usage', '--record excludes --label and --on');
  if (on !== undefined) parseText(on, { flag: '--on', max: NAME_LENGTH_MAX });
  for (const text of label) parseLabel(text, '--label');
  const asked = { selection: { label, on }, parameters: parametersOf(options), wait: wait === true };
  const results = await withClient(terminal, options, ({ client }) => rotateMany(client, asked, terminal));
  if (options.json === true) terminal.printJson({ rotations: results });
  else terminal.print(renderMany(results, terminal.style()).join('\n'));
  assertAllWell(results);
}

function parametersOf({ dryRun }: RotateOptions): readonly Parameter[] {
  return dryRun === true ? [{ name: 'dry-run', value: 'yes' }] : [];
}

async function rotate(
  connected: Connected,
  { named, options }: { readonly named: string; readonly options: RotateOptions },
  terminal: Terminal,
): Promise<void> {
  const { client } = connected;
  const { recordId, title } = await findRecord(client, named, terminal.signal);
  const parameters = parametersOf(options);
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
