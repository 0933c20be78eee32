import { constants } from 'node:os';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { Placed } from '../../../access/client/index.ts';
import type { WorkerMessage } from '../../../wire/connection-message.ts';
import type { Parameter } from '../../../wire/job.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { ExitWith } from '../../frame/run-program.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { formatId, printable } from '../../frame/text.ts';
import { addProfileOptions, type Connected, type ProfileOptions, withClient } from '../connection.ts';
import { launchDatabase } from '../database/launch-database.ts';
import { programsOf } from '../database/programs.ts';
import { findRecord } from '../find-record.ts';
import { failureOf } from '../session/ending.ts';
import { reasonParameter } from '../session/reason.ts';
import { isInteractive, type LocalTerminal, screenSize } from './local-terminal.ts';
import { pinHostKey } from './pin-host-key.ts';
import type { TerminalRun } from './terminal-client.ts';

interface LaunchOptions extends ProfileOptions {
  readonly tty?: boolean;
  readonly reconnect?: boolean;
  readonly reason?: string;
  readonly verbose?: boolean;
}

/** `pam launch RECORD [-- COMMAND]`: a session on a machine, with the credential added by the gateway. */
export function launchCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'launch',
    summary: 'open a session on a record; the gateway logs in, you never see the credential',
    examples: ['pam launch web-1', 'pam launch web-1 -- df -h', 'pam launch orders-db -- -c "SELECT 1"'],
  });
  return addProfileOptions(command)
    .argument('<record>', 'id or unique title')
    .argument(
      '[command...]',
      'what to run there instead of a shell; for a database, arguments of its program; after --',
    )
    .option('-t, --tty', 'a terminal for the command, too (default: only for a shell typed at a terminal)')
    .option('--no-tty', 'no terminal')
    .option('--reconnect', 'begin a new session by itself whenever the worker is lost')
    .option('--reason <TEXT>', 'why, or a ticket number: stands in the recording')
    .option('-v, --verbose', 'say which worker, host key and recording')
    .action((named: string, words: readonly string[], options: LaunchOptions) =>
      launch(terminal, { named, words }, options),
    );
}

interface Wanted {
  readonly named: string;
  readonly words: readonly string[];
}

async function launch(terminal: Terminal, { named, words }: Wanted, options: LaunchOptions): Promise<void> {
  const parameters = [{ name: 'mode', value: 'terminal' }, ...reasonParameter(options.reason)];
  const local: LocalTerminal = { input: process.stdin, output: process.stdout, errors: process.stderr };
  await withClient(terminal, options, async (connected) => {
    const record = await findRecord(connected.client, named, terminal.signal);
    const programs = programsOf(record.protocol);
    if (programs !== undefined) {
      return launchDatabase(terminal, connected, { record, programs, args: words, reason: options.reason });
    }
    const command = words.length === 0 ? null : words.join(' ');
    const session = { terminal, connected, record, command, parameters, options, local };
    for (;;) {
      const run = await runOnce(session);
      if (run.end !== null) return finish(run);
      if (terminal.signal.aborted) throw new ExitWith(EXIT_INTERRUPTED);
      terminal.note(`\r\nThe session was lost: its worker ${formatId(run.worker, false)} is gone.`);
      if (!(await wantsAnother(session))) throw new ExitWith(EXIT_LOST);
    }
  });
}

interface SessionInit {
  readonly terminal: Terminal;
  readonly connected: Connected;
  readonly record: TargetRecord;
  readonly command: string | null;
  readonly parameters: readonly Parameter[];
  readonly options: LaunchOptions;
  readonly local: LocalTerminal;
}

/** As ssh says that the connection broke. */
const EXIT_LOST = 255;
/** As shells say that Ctrl-C ended it. */
const EXIT_INTERRUPTED = 130;

async function runOnce(init: SessionInit): Promise<TerminalRun & { readonly worker: string }> {
  const { terminal, connected, record, command, parameters, options, local } = init;
  const [{ placeSession }, { runTerminalClient }, { CONNECTION_VERSION }] = await Promise.all([
    import('../../../access/client/index.ts'),
    import('./terminal-client.ts'),
    import('../../../wire/connection-message.ts'),
  ]);
  const { client } = connected;
  const placed = await placeSession(
    client,
    { kind: 'connection', recordId: record.recordId, parameters },
    terminal.signal,
  );
  const hasPty = options.tty ?? (command === null && isInteractive(local));
  let pinning: Promise<void> | undefined;
  const run = await runTerminalClient({
    duplex: client.duplex(placed.stream),
    local,
    open: {
      kind: 'open',
      version: CONNECTION_VERSION,
      terminal: hasPty ? { name: terminal.env['TERM'] || 'xterm', ...screenSize(local) } : null,
      command,
      environment: passedEnvironment(terminal.env),
    },
    onOpened: (opened) => {
      pinning = onOpened(init, placed, opened);
    },
    onNotice: (text) => terminal.note(`\r\n[gateway] ${printable(text)}\r`),
    signal: terminal.signal,
  });
  await pinning;
  return { ...run, worker: placed.worker };
}

/** Servers accept the language by habit; nothing else leaves this machine. */
function passedEnvironment(env: Terminal['env']): readonly { readonly name: string; readonly value: string }[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && value.length <= 1024 && (name === 'LANG' || /^LC_[A-Z]{1,20}$/.test(name))
      ? [{ name, value }]
      : [],
  );
}

function onOpened(
  { terminal, connected, record, options }: SessionInit,
  { worker, jobId }: Placed,
  { hostKey, hostKeyTrust, recordingId }: Extract<WorkerMessage, { readonly kind: 'opened' }>,
): Promise<void> | undefined {
  if (options.verbose === true) {
    const recorded = recordingId === null ? 'not recorded' : `recording ${recordingId}`;
    terminal.note(
      `session ${jobId} on worker ${formatId(worker, false)}, host key ${hostKey} (${hostKeyTrust}), ${recorded}`,
    );
  }
  if (hostKeyTrust === 'record') return undefined;
  return pinHostKey(terminal, connected, { record, hostKey, isNew: hostKeyTrust === 'new' });
}

async function wantsAnother({ terminal, options, local }: SessionInit): Promise<boolean> {
  if (options.reconnect === true) return true;
  if (!isInteractive(local)) {
    terminal.note('Begin a new one with the same command; --reconnect does it by itself.');
    return false;
  }
  const prompt = createInterface({ input: local.input, output: local.errors });
  try {
    const answer = await prompt.question('Begin a new session? [Y/n] ', { signal: terminal.signal });
    return !/^n/i.test(answer.trim());
  } finally {
    prompt.close();
  }
}

/** Ends the program as the remote command ended. */
function finish({ exit, end }: TerminalRun): void {
  const failure = end === null ? undefined : failureOf(end);
  if (failure !== undefined) throw failure;
  const status = exitStatus(exit);
  if (status !== 0) throw new ExitWith(status);
}

/** The code, or 128 and the signal's number, as shells count. */
function exitStatus(exit: TerminalRun['exit']): number {
  if (exit === null) return 0;
  if (exit.signal === null) return exit.code ?? 0;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return 128 + (numbers[`SIG${exit.signal}`] ?? 0);
}
