import { type Command, CommanderError } from 'commander';
import { ExitCode, GatewayError } from '../../base/errors.ts';
import { createTerminal, type Terminal } from './terminal.ts';
import { printable } from './text.ts';

/** A command's own exit code, without a message: it has said already what there is to say. */
export class ExitWith extends Error {
  override readonly name = 'ExitWith';
  readonly code: number;

  /** Ends the program with this code: one of `ExitCode`, or what a remote command ended with. */
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Builds the command tree that a command line needs. */
export type Assemble = (terminal: Terminal, args: readonly string[]) => Promise<Command>;

/** Runs a program to its end and exits with its code. */
export async function runProgram(assemble: Assemble): Promise<never> {
  const interrupted = new AbortController();
  const stop = (): void => interrupted.abort(new ExitWith(ExitCode.failed));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const terminal = createTerminal(interrupted.signal);
  // Errors that nothing waits for are bugs: the process must not go on with half a state, and a supervisor must see which kind of end it was.
  process.on('uncaughtException', (error) => process.exit(reportFailure(error, terminal)));
  const code = await runCommand(assemble, process.argv.slice(2), terminal);
  await Promise.all([flush(process.stdout), flush(process.stderr)]);
  process.exit(code);
}

/** Runs one command line and gives its exit code. */
export async function runCommand(assemble: Assemble, args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const program = await assemble(terminal, args);
    await program.parseAsync(args, { from: 'user' });
    return ExitCode.done;
  } catch (error) {
    return reportFailure(error, terminal);
  }
}

/** Says what went wrong: one line and the remedy for what was to be expected, the stack for a bug. */
function reportFailure(error: unknown, terminal: Terminal): number {
  if (error instanceof ExitWith) return error.code;
  // Commander has written its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  if (error instanceof GatewayError) {
    terminal.note(`error: ${printableLines(error.message)}`);
    if (error.remedy !== undefined) terminal.note(printableLines(error.remedy));
    return error.exitCode;
  }
  if (terminal.signal.aborted) return ExitCode.failed;
  terminal.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  terminal.note('This is a bug: please report it with the lines above.');
  return ExitCode.bug;
}

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}
