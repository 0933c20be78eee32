import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { NAME_LENGTH_MAX } from '../../../wire/bounds.ts';
import { parseComplexity } from '../../../wire/password-complexity.ts';
import { changeLabels, isScriptName, RotationLabel, SCRIPT_NAME_MAX } from '../../../wire/rotation-profile.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseText, requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type Connected, type ProfileOptions, signWithOption, withClient } from '../connection.ts';
import { findRecord } from '../find-record.ts';
import { publishRecord } from '../record/publish-record.ts';
import { renderRotation, reportRotation } from './report.ts';
import { addScheduleOptions, type ScheduleOptions, scheduleChanges } from './schedule-flags.ts';

interface EditOptions extends ProfileOptions, ScheduleOptions {
  readonly record?: string;
  readonly admin?: string;
  readonly complexity?: string;
  readonly script?: string;
  readonly before?: string;
  readonly after?: string;
  readonly enable?: boolean;
  readonly disable?: boolean;
  readonly signWith: readonly string[];
}

const EXAMPLE = 'pam rotation edit -r orders-db --complexity 24,2,2,2,2';

/** `pam rotation edit -r RECORD`: changes what is given, and takes away what is given as the empty text. */
export function editRotationCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'edit',
    summary: 'change how a record is rotated',
    examples: [
      EXAMPLE,
      'pam rotation edit -r web-1 --admin web-1-root',
      'pam rotation edit -r web-1 --admin ""',
      'pam rotation edit -r web-1 --every 30d --jitter 1h',
    ],
  });
  return addScheduleOptions(addProfileOptions(command))
    .option('-r, --record <RECORD>', 'id or unique title')
    .option('--admin <RECORD>', 'record whose credential makes the change; empty: the account changes itself')
    .option('-x, --complexity <LIST>', 'length,upper,lower,digits,symbols[,allowed]')
    .option('--script <NAME>', "file in the scripts folder of each instance's data directory that does it")
    .option('--before <NAME>', 'script to run before; when it fails nothing is changed')
    .option('--after <NAME>', 'script to run after')
    .option('-e, --enable', 'let it be rotated')
    .option('-d, --disable', 'let nothing rotate it')
    .addOption(signWithOption())
    .action(async (options: EditOptions) => {
      const named = requireFlag(options.record, '--record', EXAMPLE);
      const changes = { ...changesOf(options), ...(await scheduleChanges(options, Date.now())) };
      if (Object.values(changes).every((value) => value === undefined)) throw nothingToChange();
      const wanted = { named, changes };
      return withClient(terminal, options, (connected) => edit(connected, wanted, { options, terminal }));
    });
}

/** Labels with their new values; null takes one away, undefined leaves it. */
type Changes = Readonly<Record<string, string | null | undefined>>;

async function edit(
  connected: Connected,
  { named, changes }: { readonly named: string; readonly changes: Changes },
  { options, terminal }: { readonly options: EditOptions; readonly terminal: Terminal },
): Promise<void> {
  const { signal } = terminal;
  const before = await findRecord(connected.client, named, signal);
  const admin = changes[RotationLabel.admin];
  // Labels name it by what never changes.
  const found = typeof admin === 'string' ? await findRecord(connected.client, admin, signal) : undefined;
  const { unixMs } = await connected.client.welcome(signal);
  const labels = changeLabels(before.labels, {
    ...changes,
    ...(found === undefined ? {} : { [RotationLabel.admin]: found.recordId }),
    // By the pool's clock, which due times go by.
    ...(typeof changes[RotationLabel.scheduledFrom] === 'string' ? await scheduleChanges(options, unixMs) : {}),
  });
  const record = { ...before, labels, revision: before.revision + 1, changedUnixMs: unixMs };
  await publishRecord(connected, record, { signWith: options.signWith, terminal });
  const report = reportRotation(record);
  if (options.json === true) return terminal.printJson(report);
  terminal.print(renderRotation(report, terminal.style()).join('\n'));
}

/** What the flags change; the admin's record as it was typed. Throws `bad-usage`. */
function changesOf(options: EditOptions): Changes {
  const { admin, complexity, script, before, after, enable, disable } = options;
  if (complexity !== undefined && complexity !== '') parseComplexity(complexity);
  if (enable === true && disable === true)
    throw new GatewayError('bad-usage', '--enable and --disable exclude each other');
  return {
    [RotationLabel.admin]: textOf(admin, '--admin'),
    [RotationLabel.complexity]: textOf(complexity, '--complexity'),
    [RotationLabel.script]: scriptOf(script, '--script'),
    [RotationLabel.before]: scriptOf(before, '--before'),
    [RotationLabel.after]: scriptOf(after, '--after'),
    [RotationLabel.disabled]: disable === true ? 'yes' : enable === true ? null : undefined,
  };
}

function nothingToChange(): GatewayError {
  return new GatewayError('bad-usage', 'nothing to change', { remedy: `Type for example: ${EXAMPLE}` });
}

function scriptOf(text: string | undefined, flag: string): string | null | undefined {
  if (text === undefined || text === '') return textOf(text, flag);
  if (isScriptName(text)) return text;
  throw new GatewayError('bad-usage', `${flag}: ${JSON.stringify(text.slice(0, 60))} is no name of a script`, {
    remedy: `Name a file of the scripts folder, without its path: at most ${SCRIPT_NAME_MAX} letters, digits, ".", "_" and "-".`,
  });
}

function textOf(text: string | undefined, flag: string): string | null | undefined {
  if (text === undefined) return undefined;
  return text === '' ? null : parseText(text, { flag, max: NAME_LENGTH_MAX });
}
