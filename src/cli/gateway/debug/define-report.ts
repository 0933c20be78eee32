import type { Command } from 'commander';
import type { AskOf, ControlAnswers, ControlAsk, PoolReport } from '../../../api/client.ts';
import { type CommandInit, defineCommand, jsonOption } from '../../frame/command-tree.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { chooseDataDir, dataDirOption } from '../data-dir.ts';
import { formatPoolLine } from './pool-line.ts';

/** Flags that every report has. */
export interface ReportOptions {
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly dataDir?: string;
}

/** A command that asks the running instance for one report and shows it. */
export interface ReportInit<K extends ControlAsk['kind']> extends Omit<CommandInit, 'examples'> {
  readonly examples?: readonly string[];
  readonly ask: AskOf<K>;
  readonly render: (report: ControlAnswers[K], style: Style, pool: PoolReport) => readonly string[];
}

/** The command of a report that needs no arguments of its own. */
export function defineReport<K extends ControlAsk['kind']>(terminal: Terminal, init: ReportInit<K>): Command {
  return defineReportCommand(init).action((options: ReportOptions) => showReport(terminal, init, options));
}

/** A report's command without its action, for those with arguments. */
export function defineReportCommand({
  name,
  summary,
  examples,
}: Omit<CommandInit, 'examples'> & { readonly examples?: readonly string[] }): Command {
  const shown = examples ?? [`gateway debug ${name}`, `gateway debug ${name} --json`];
  return defineCommand({ name, summary, examples: shown })
    .addOption(jsonOption())
    .option('-v, --verbose', 'show whole ids')
    .addOption(dataDirOption());
}

/** Asks and prints: the document with `--json`, else the pool's line and the table. */
export async function showReport<K extends ControlAsk['kind']>(
  terminal: Terminal,
  { ask, render }: Pick<ReportInit<K>, 'ask' | 'render'>,
  { json, verbose, dataDir }: ReportOptions,
): Promise<void> {
  const { askControl } = await import('../../../api/client.ts');
  const directory = await chooseDataDir(dataDir, terminal.env);
  if (json === true) return terminal.printJson(await askControl(directory, ask, terminal.signal));
  const [pool, report] = await Promise.all([
    askControl(directory, { kind: 'pool' }, terminal.signal),
    askControl(directory, ask, terminal.signal),
  ]);
  const style = terminal.style({ verbose });
  terminal.print([formatPoolLine(pool, style), ...render(report, style, pool)].join('\n'));
}
