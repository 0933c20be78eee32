/** A real OpenSSH server of the test's own with real accounts of this machine, made for the test and removed with it. */

import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, freePort, makeServiceFolder, startService } from './service.ts';

/** A running server. */
export interface LinuxServer {
  readonly host: string;
  readonly port: number;
  /** Private key that lets root in. */
  readonly rootKey: string;
  /** A new account with a home and a password; removed with the server. */
  addUser(options?: LinuxUserInit): LinuxUser;
  /** What the server has said last. */
  lines(): readonly string[];
  stop(): Promise<void>;
}

/** How an account is made. */
export interface LinuxUserInit {
  readonly authorizedKey?: string;
  /** It may use sudo, with its password. */
  readonly isAdmin?: boolean;
  /** Days before which it may not change its password again. */
  readonly daysBetweenChanges?: number;
}

/** An account of this machine. */
export interface LinuxUser {
  readonly name: string;
  readonly home: string;
  readonly password: string;
}

/** Why there can be no server here, or undefined. */
export function linuxServerMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can make accounts';
  if (findProgram(['/usr/sbin/sshd']) === undefined) return 'OpenSSH is not installed';
  const missing = ['/usr/sbin/useradd', '/usr/bin/chage', '/usr/bin/sudo'].find((path) => !existsSync(path));
  return missing === undefined ? undefined : `${missing} is not installed`;
}

/** Starts a server that asks PAM, as a distribution's own does. */
export async function startLinuxServer(): Promise<LinuxServer> {
  const folder = makeServiceFolder('sshd', 'root');
  const key = join(folder, 'host-key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  if (!existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
  mkdirSync(join(folder, 'keys'));
  const root = join(folder, 'root-key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', root]);
  copyFileSync(`${root}.pub`, join(folder, 'keys/root'));
  const port = await freePort();
  const settings = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${key}`,
    'PidFile none',
    // The folder for temporary files, in which the keys are, belongs to everybody.
    'StrictModes no',
    `AuthorizedKeysFile .ssh/authorized_keys ${join(folder, 'keys')}/%u`,
    'UsePAM yes',
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin yes',
    'MaxStartups 200',
    'PrintMotd no',
    '',
  ];
  writeFileSync(join(folder, 'config'), settings.join('\n'));
  const service = await startService({
    folder,
    user: 'root',
    command: '/usr/sbin/sshd',
    args: ['-D', '-e', '-f', join(folder, 'config')],
    stopSignal: 'SIGTERM',
    ready: /Server listening on/,
  });
  const users: string[] = [];
  return {
    host: '127.0.0.1',
    port,
    rootKey: readFileSync(root, 'utf8'),
    addUser: ({ authorizedKey, isAdmin, daysBetweenChanges } = {}) => {
      const password = randomBytes(12).toString('base64url');
      const name = `pamrot-${randomBytes(4).toString('hex')}`;
      execFileSync('useradd', ['--create-home', '--shell', '/bin/sh', name], { stdio: 'pipe' });
      users.push(name);
      setPassword(name, password);
      const home = `/home/${name}`;
      if (isAdmin === true) execFileSync('usermod', ['--append', '--groups', 'sudo', name]);
      if (daysBetweenChanges !== undefined) execFileSync('chage', ['--mindays', String(daysBetweenChanges), name]);
      if (authorizedKey !== undefined) authorize(name, home, authorizedKey);
      return { name, home, password };
    },
    lines: () => service.lines(),
    async stop() {
      await service.stop();
      for (const name of users) removeUser(name);
    },
  };
}

/** Sets the password of an account as root does. */
export function setPassword(name: string, password: string): void {
  execFileSync('chpasswd', { input: `${name}:${password}\n`, stdio: ['pipe', 'pipe', 'pipe'] });
}

function authorize(name: string, home: string, line: string): void {
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  writeFileSync(join(home, '.ssh/authorized_keys'), `${line}\n`, { mode: 0o600 });
  execFileSync('chown', ['-R', `${name}:`, join(home, '.ssh')]);
}

/** Processes of a session that was just closed may take a moment to go. */
function removeUser(name: string): void {
  spawnSync('pkill', ['-KILL', '-u', name]);
  for (let tries = 0; tries < 20; tries++) {
    if (spawnSync('userdel', ['--remove', '--force', name]).status === 0) return;
  }
}
