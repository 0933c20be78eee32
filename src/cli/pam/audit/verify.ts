import type { Command } from 'commander';
import { ChainCheck, type ChainReport } from '../../../audit/client.ts';
import { createEd25519Verify } from '../../../base/ed25519.ts';
import { ExitCode } from '../../../base/errors.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { ExitWith } from '../../frame/run-program.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatId, printable } from '../../frame/text.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { type InstanceLog, type PoolLogs, readLog, withLogs } from './logs.ts';
import { rememberHead, seenHead } from './seen-heads.ts';

/** The document of `pam audit verify`. */
export interface AuditVerifyReport {
  readonly instances: readonly InstanceVerifyReport[];
}

/** One instance's log. */
export interface InstanceVerifyReport {
  readonly instanceId: string;
  readonly name: string;
  readonly events: number;
  readonly ok: boolean;
  /** Sequence number of the first wrong entry. */
  readonly firstBadAt: number | null;
  /** What is wrong. */
  readonly reason: string | null;
  /** Up to here everything is proven by the instance's signature. */
  readonly signedThrough: number;
}

/** `pam audit verify`: reads every log from beginning to end and checks it here, on this machine. */
export function verifyCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'verify',
    summary: 'check that the logs of all instances are whole: chain, signatures, and that none is shorter than it was',
    examples: ['pam audit verify', 'pam audit verify --json'],
  });
  return addProfileOptions(command).action(async (options: ProfileOptions) => {
    const report = await withClient(terminal, options, (connected) =>
      withLogs(connected, terminal.signal, (logs) => verifyLogs(terminal, logs)),
    );
    if (options.json === true) terminal.printJson(report);
    else terminal.print(renderVerify(report, terminal.style()).join('\n'));
    if (report.instances.some(({ ok }) => !ok)) throw new ExitWith(ExitCode.failed);
  });
}

async function verifyLogs(terminal: Terminal, { logs, silent }: PoolLogs): Promise<AuditVerifyReport> {
  const checked: InstanceVerifyReport[] = [];
  for (const log of logs) checked.push(await verifyLog(terminal, log));
  const unread = silent.map(({ instanceId, name, reason }) => ({
    instanceId,
    name,
    events: 0,
    ok: false,
    firstBadAt: null,
    reason: `not read: ${reason}`,
    signedThrough: 0,
  }));
  return { instances: [...checked, ...unread] };
}

async function verifyLog(terminal: Terminal, log: InstanceLog): Promise<InstanceVerifyReport> {
  const { instanceId, name } = log;
  const check = new ChainCheck({ instanceId, verify: createEd25519Verify(), head: seenHead(terminal.env, instanceId) });
  for await (const line of readLog(log, { match: null, signal: terminal.signal })) check.step(line);
  const report: ChainReport = check.view();
  if (report.ok && report.head !== null) rememberHead(terminal.env, instanceId, report.head);
  const { events, ok, firstBadAt, reason, signedThrough } = report;
  return { instanceId, name, events, ok, firstBadAt, reason, signedThrough };
}

/** A table, and below it what is wrong. */
export function renderVerify({ instances }: AuditVerifyReport, { palette, width, verbose }: Style): readonly string[] {
  const table = formatTable({
    width,
    columns: [
      { title: 'INSTANCE' },
      { title: 'NAME' },
      { title: 'EVENTS', align: 'right' },
      { title: 'SIGNED TO', align: 'right' },
      { title: 'RESULT', paint: (cell, row) => (instances[row]?.ok === true ? palette.good(cell) : palette.bad(cell)) },
    ],
    rows: instances.map((each) => [
      formatId(each.instanceId, verbose),
      printable(each.name),
      String(each.events),
      String(each.signedThrough),
      each.ok ? 'whole' : 'NOT WHOLE',
    ]),
  });
  const wrong = instances
    .filter(({ ok }) => !ok)
    .map(({ name, firstBadAt, reason }) => {
      const where = firstBadAt === null ? '' : ` at entry ${firstBadAt}`;
      return palette.bad(`${printable(name)}${where}: ${printable(reason ?? '')}`);
    });
  return [...table, ...wrong];
}
