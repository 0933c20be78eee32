import type { Command } from 'commander';
import type { ChainReport } from '../../../audit/client.ts';
import { ExitCode, GatewayError } from '../../../base/errors.ts';
import { defineCommand, jsonOption } from '../../frame/command-tree.ts';
import { ExitWith } from '../../frame/run-program.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { countOf, printable } from '../../frame/text.ts';
import { chooseDataDir, dataDirOption } from '../data-dir.ts';

interface VerifyOptions {
  readonly json?: boolean;
  readonly dataDir?: string;
  readonly file?: string;
  readonly instance?: string;
}

/** `gateway audit verify`: checks a log without a running instance. */
export function verifyCommand(terminal: Terminal): Command {
  return defineCommand({
    name: 'verify',
    summary: 'check a data directory, or an exported file, without a running instance',
    examples: [
      'gateway audit verify --data-dir /var/lib/pam-gateway',
      'gateway audit verify --file gw-1.jsonl --instance 12D3KooWB1…',
    ],
  })
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .option('--file <FILE>', 'lines that pam audit export wrote for one instance')
    .option('--instance <ID>', 'whose log it is; of a data directory: its own, by its key, unless said')
    .action((options: VerifyOptions) => verify(terminal, options));
}

async function verify(terminal: Terminal, options: VerifyOptions): Promise<void> {
  const { instanceId, report } = await check(terminal, options);
  const { events, ok, firstBadAt, reason, signedThrough } = report;
  if (options.json === true) {
    terminal.printJson({ instances: [{ instanceId, events, ok, firstBadAt, reason, signedThrough }] });
  } else {
    const where = firstBadAt === null ? '' : ` at entry ${firstBadAt}`;
    const result = ok ? `whole, signed to entry ${signedThrough}` : `NOT WHOLE${where}: ${printable(reason ?? '')}`;
    terminal.print(`${instanceId}: ${countOf(events, 'event')}, ${result}`);
  }
  if (!ok) throw new ExitWith(ExitCode.failed);
}

async function check(
  terminal: Terminal,
  { file, instance, dataDir }: VerifyOptions,
): Promise<{ readonly instanceId: string; readonly report: ChainReport }> {
  const [{ verifyDirectory, verifyFile }, { createEd25519Verify }, { readInstanceId }] = await Promise.all([
    import('../../../audit/index.ts'),
    import('../../../base/ed25519.ts'),
    import('../../../config/index.ts'),
  ]);
  const verify = createEd25519Verify();
  if (file !== undefined) {
    if (instance === undefined) throw whose();
    return { instanceId: instance, report: await verifyFile(file, { instanceId: instance, verify }) };
  }
  const directory = await chooseDataDir(dataDir, terminal.env);
  const instanceId = instance ?? readInstanceId(directory);
  return { instanceId, report: await verifyDirectory(directory, { instanceId, verify }) };
}

function whose(): GatewayError {
  return new GatewayError('bad-usage', '--instance is missing: whose log the file is must not come from the file', {
    remedy: 'Name the instance id, as pam gateway list -v shows it.',
  });
}
