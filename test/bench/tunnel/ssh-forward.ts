/** The peer: `ssh -L` to an OpenSSH server of our own, with keys of the run. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { until } from '../../e2e/harness/until.ts';
import { dial } from '../../e2e/targets/socket.ts';
import { freePort } from '../free-port.ts';

const SSHD = '/usr/sbin/sshd';
const READY_MS = 20_000;

/** A running forward. */
export interface SshForward {
  readonly port: number;
  /** The client's and the server's processes. */
  readonly processIds: readonly number[];
  stop(): Promise<void>;
}

/** Why there is none on this machine, or undefined. */
export function sshMissing(): string | undefined {
  return existsSync(SSHD) ? undefined : `${SSHD} is not installed (Debian: openssh-server)`;
}

/** Starts a server and a client that forwards a free local port to this port of 127.0.0.1. */
export async function startSshForward(targetPort: number): Promise<SshForward> {
  const folder = mkdtempSync(join(tmpdir(), 'pam-bench-ssh-'));
  chmodSync(folder, 0o700);
  const [serverPort, localPort] = [await freePort(), await freePort()];
  for (const name of ['host', 'user']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  }
  const authorized = join(folder, 'authorized');
  writeFileSync(authorized, readFileSync(join(folder, 'user.pub')), { mode: 0o600 });
  const configuration = [
    `ListenAddress 127.0.0.1:${serverPort}`,
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${authorized}`,
    `PidFile ${join(folder, 'pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'MaxSessions 1000',
    // Looking whether it listens is to it a client that broke off.
    'LogLevel QUIET',
  ];
  writeFileSync(join(folder, 'sshd_config'), `${configuration.join('\n')}\n`);
  // Only root needs it, and makes it where it is missing; the daemon does not start without.
  if (process.getuid?.() === 0) execFileSync('mkdir', ['-p', '/run/sshd']);
  const server = spawn(SSHD, ['-D', '-e', '-f', join(folder, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await until('the SSH server listens', { within: READY_MS }, () => listens(serverPort));
  const client = spawn(
    'ssh',
    [
      ...['-N', '-F', '/dev/null', '-i', join(folder, 'user'), '-p', String(serverPort)],
      ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
      ...['-o', 'ExitOnForwardFailure=yes', '-o', 'IdentitiesOnly=yes'],
      ...['-L', `127.0.0.1:${localPort}:127.0.0.1:${targetPort}`, `${userInfo().username}@127.0.0.1`],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await until('the SSH client forwards', { within: READY_MS }, () => listens(localPort));
  const stop = async (): Promise<void> => {
    await Promise.all([end(client), end(server)]);
    rmSync(folder, { recursive: true, force: true });
  };
  return { port: localPort, processIds: [client.pid ?? 0, server.pid ?? 0], stop };
}

/** Its version, which it prints to stderr. */
export function sshVersion(): string {
  return execFileSync('sh', ['-c', 'ssh -V 2>&1'], { encoding: 'utf8' }).trim().split(',')[0] ?? 'OpenSSH';
}

async function listens(port: number): Promise<void> {
  try {
    (await dial(port)).destroy();
  } catch (cause) {
    throw Object.assign(new Error(`nothing listens on port ${port}`, { cause }), { code: 'unreachable' });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'close');
}
