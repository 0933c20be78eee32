import type { Command } from 'commander';
import { GatewayError } from '../../../../../base/errors.ts';
import type { TargetRecord } from '../../../../../wire/record.ts';
import { defineCommand } from '../../../../frame/command-tree.ts';
import { requireFlag } from '../../../../frame/flags.ts';
import type { Terminal } from '../../../../frame/terminal.ts';
import {
  addProfileOptions,
  type Connected,
  type ProfileOptions,
  signWithOption,
  withClient,
} from '../../../connection.ts';
import { listEverything } from '../../../find-record.ts';
import { publishRecord } from '../../../record/publish-record.ts';
import { findRule } from './rules.ts';

type RemoveOptions = ProfileOptions & {
  readonly rule?: string;
  readonly removeAll?: boolean;
  readonly signWith: readonly string[];
};

const EXAMPLE = 'pam action discover rule remove -i printers';

/** `pam action discover rule remove`: one rule, or all of them. */
export function removeRuleCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'remove',
    summary: 'remove a rule; records that it added stay',
    examples: [EXAMPLE, 'pam action discover rule remove --remove-all'],
  }).alias('rm');
  return addProfileOptions(command)
    .option('-i, --rule <RULE>', 'id or name')
    .option('--remove-all', 'all rules')
    .addOption(signWithOption())
    .action(async (options: RemoveOptions) => {
      if (options.removeAll === true && options.rule !== undefined)
        throw new GatewayError('bad-usage', '--rule and --remove-all exclude each other');
      if (options.removeAll !== true) requireFlag(options.rule, '--rule', EXAMPLE);
      const removed = await withClient(terminal, options, (connected) => remove(connected, options, terminal));
      if (options.json === true) return terminal.printJson({ removed: removed.map(({ recordId }) => recordId) });
      terminal.print(`${removed.length} removed.`);
    });
}

async function remove(
  connected: Connected,
  { rule, signWith }: RemoveOptions,
  terminal: Terminal,
): Promise<readonly TargetRecord[]> {
  const { client } = connected;
  const { signal } = terminal;
  // One that nobody understands any more can be removed, too: by --remove-all.
  const doomed =
    rule === undefined
      ? (await listEverything(client, null, signal)).filter(({ type }) => type === 'rule')
      : [(await findRule(client, rule, signal)).record];
  for (const before of doomed) {
    const { unixMs } = await client.welcome(signal);
    const record = { ...before, deleted: true, revision: before.revision + 1, changedUnixMs: unixMs };
    await publishRecord(connected, record, { signWith, terminal });
  }
  return doomed;
}
