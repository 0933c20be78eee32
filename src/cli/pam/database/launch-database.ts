import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Tunnel, TunnelEvent } from '../../../access/client/index.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { ExitWith } from '../../frame/run-program.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import type { Connected } from '../connection.ts';
import { namesOf, privateFolder, wayOf } from './local-way.ts';
import { refuseOthers } from './own-connections.ts';
import { type DatabasePrograms, lineToPaste } from './programs.ts';

/** What to launch. */
export interface DatabaseLaunch {
  readonly record: TargetRecord;
  readonly programs: DatabasePrograms;
  /** Why, where the record or the grant asks. */
  readonly reason: string | undefined;
  /** For the program, after its own. */
  readonly args: readonly string[];
}

/**
 * Opens the database's own program on a way in that only this user can take: a Unix socket in a folder of its own. Where the program is not installed, opens
 * a local port and says what to type. The exit code is the program's.
 */
export async function launchDatabase(terminal: Terminal, connected: Connected, launch: DatabaseLaunch): Promise<void> {
  const program = launch.programs.programs
    .map((name) => findProgram(name, terminal.env))
    .find((path) => path !== undefined);
  const hasSockets = process.platform !== 'win32';
  const place = hasSockets && program !== undefined ? privateFolder() : undefined;
  try {
    const { startTunnel } = await import('../../../access/client/index.ts');
    const tunnel = await startTunnel(
      {
        client: connected.client,
        recordId: launch.record.recordId,
        kind: 'connection',
        protocol: launch.record.protocol,
        ...(launch.reason === undefined ? {} : { reason: launch.reason }),
        port: 0,
        refuse: refuseOthers,
        onEvent: (event) => tellFailure(terminal, event),
        ...(place === undefined
          ? {}
          : { path: join(place.folder, launch.programs.socketName), refuse: async () => undefined }),
      },
      terminal.signal,
    );
    try {
      if (program === undefined) return await waitForPerson(terminal, tunnel, launch);
      await runProgram(terminal, { program, tunnel, launch });
    } finally {
      await tunnel.stop();
    }
  } finally {
    place?.remove();
  }
}

function tellFailure(terminal: Terminal, event: TunnelEvent): void {
  if (event.kind === 'connection-failed')
    terminal.note(`connection failed: ${event.failure.code}: ${printable(event.failure.message)}`);
}

async function waitForPerson(terminal: Terminal, tunnel: Tunnel, { record, programs }: DatabaseLaunch): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  terminal.signal.addEventListener('abort', () => resolve(), { once: true });
  terminal.note(
    `${programs.programs.join(' or ')} is not installed here. Any client without a password can connect to ${tunnel.listening}:`,
  );
  terminal.print(lineToPaste(record.protocol, wayOf(tunnel), namesOf(record)) ?? tunnel.listening);
  terminal.note('Ctrl-C closes it.');
  await promise;
}

interface Running {
  readonly program: string;
  readonly tunnel: Tunnel;
  readonly launch: DatabaseLaunch;
}

/** Ctrl-C is the program's: it cancels a statement there, and this process goes on as long as the program does. */
async function runProgram(terminal: Terminal, { program, tunnel, launch }: Running): Promise<void> {
  const { args, env } = launch.programs.start(wayOf(tunnel), namesOf(launch.record));
  const child = spawn(program, [...args, ...launch.args], { stdio: 'inherit', env: { ...terminal.env, ...env } });
  const keepRunning = (): void => undefined;
  process.on('SIGINT', keepRunning);
  const onTerminate = (): void => void child.kill('SIGTERM');
  process.on('SIGTERM', onTerminate);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    child.once('error', reject);
    child.once('close', resolve);
    const code = await promise;
    if (code !== 0) throw new ExitWith(code ?? EXIT_SIGNALLED);
  } finally {
    process.off('SIGINT', keepRunning).off('SIGTERM', onTerminate);
  }
}

/** The program was ended by a signal: what shells say of SIGTERM. */
const EXIT_SIGNALLED = 143;

function findProgram(name: string, env: Terminal['env']): string | undefined {
  const files = process.platform === 'win32' ? [`${name}.exe`] : [name];
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.flatMap((folder) => files.map((file) => join(folder, file))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
