/** A real OpenSSH server with a user of its own, on a free port of loopback. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fingerprintOf } from '../../../../src/workloads/connection/ssh/host-key.ts';

/** Why this machine cannot run one, or undefined if it can. */
export function sshServerMissing(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'a server with users of its own needs root on Linux';
  return existsSync('/usr/sbin/sshd') ? undefined : 'the package openssh-server is not installed';
}

/** A running server. */
export interface SshServer {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Private keys that the user's account accepts, in OpenSSH form. */
  readonly privateKey: string;
  readonly lockedKey: string;
  readonly passphrase: string;
  readonly home: string;
  /** `SHA256:…`. */
  readonly hostKey: string;
  /** What it has logged. */
  log(): string;
  /** Starts it again on the same port with another host key. */
  changeHostKey(): Promise<string>;
  stop(): Promise<void>;
}

/** What differs from password, keyboard-interactive and public key all being allowed. */
export interface SshServerInit {
  /** Further lines of the configuration; the first of a keyword counts. */
  readonly config?: readonly string[];
}

/** Starts one. */
export async function startSshServer({ config = [] }: SshServerInit = {}): Promise<SshServer> {
  const folder = mkdtempSync(join(tmpdir(), 'pam-sshd-'));
  chmodSync(folder, 0o755);
  const user = `pamt${process.pid % 100_000}x${Math.floor(performance.now()) % 100_000}`;
  const password = `pw-${Math.random().toString(36).slice(2)}-Zebra`;
  const passphrase = 'open sesame';
  const home = join(folder, 'home');
  execFileSync('useradd', ['--no-create-home', '--home-dir', home, '--shell', '/bin/bash', user]);
  execFileSync('chpasswd', { input: `${user}:${password}` });
  makeHome(home, user);
  const keys = ['id', 'locked'].map((name) => join(folder, name));
  makeKey(keys[0] ?? '', '');
  makeKey(keys[1] ?? '', passphrase);
  writeFileSync(join(folder, 'authorized'), keys.map((path) => readFileSync(`${path}.pub`, 'utf8')).join(''));
  chmodSync(join(folder, 'authorized'), 0o644);
  const port = await freePort();
  const daemon = new Daemon(folder, port, config);
  await daemon.start();
  return {
    port,
    user,
    password,
    privateKey: readFileSync(keys[0] ?? '', 'utf8'),
    lockedKey: readFileSync(keys[1] ?? '', 'utf8'),
    passphrase,
    home,
    get hostKey() {
      return daemon.hostKey();
    },
    log: () => daemon.log,
    changeHostKey: async () => {
      await daemon.stop();
      await daemon.start();
      return daemon.hostKey();
    },
    stop: async () => {
      await daemon.stop();
      endProcessesOf(user);
      execFileSync('userdel', ['--force', user], { stdio: 'ignore' });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

class Daemon {
  log = '';
  readonly #folder: string;
  readonly #port: number;
  readonly #config: readonly string[];
  #child: ReturnType<typeof spawn> | undefined;

  constructor(folder: string, port: number, config: readonly string[]) {
    this.#folder = folder;
    this.#port = port;
    this.#config = config;
  }

  /** With a new host key each time. */
  async start(): Promise<void> {
    const hostKey = join(this.#folder, 'host');
    for (const path of [hostKey, `${hostKey}.pub`]) rmSync(path, { force: true });
    makeKey(hostKey, '');
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    writeFileSync(join(this.#folder, 'config'), this.#lines(hostKey).join('\n'));
    const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(this.#folder, 'config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    const listening = Promise.withResolvers<void>();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.log += text;
      if (text.includes('Server listening')) listening.resolve();
    });
    child.once('exit', () => listening.reject(new Error(`sshd ended: ${this.log}`)));
    await listening.promise;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }

  hostKey(): string {
    const [, base64 = ''] = readFileSync(join(this.#folder, 'host.pub'), 'utf8').split(' ');
    return fingerprintOf(Buffer.from(base64, 'base64'));
  }

  #lines(hostKey: string): readonly string[] {
    return [
      ...this.#config,
      `Port ${this.#port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${hostKey}`,
      `PidFile ${join(this.#folder, 'pid')}`,
      `AuthorizedKeysFile ${join(this.#folder, 'authorized')}`,
      'StrictModes no',
      'UsePAM yes',
      'PasswordAuthentication yes',
      'KbdInteractiveAuthentication yes',
      'PubkeyAuthentication yes',
      'PrintMotd no',
      'PrintLastLog no',
      'MaxStartups 2000',
      'MaxSessions 100',
      'AcceptEnv LANG LC_*',
      'AllowTcpForwarding yes',
      'Subsystem sftp internal-sftp',
      'LogLevel VERBOSE',
      '',
    ];
  }
}

function makeHome(home: string, user: string): void {
  mkdirSync(home, { mode: 0o755 });
  const [uid = 0, gid = 0] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' })));
  writeFileSync(join(home, '.bashrc'), "PS1='$ '\n");
  writeFileSync(join(home, '.hushlogin'), '');
  writeFileSync(join(home, '.bash_profile'), "PS1='$ '\n");
  chownSync(home, uid, gid);
}

function makeKey(path: string, passphrase: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', path]);
}

/** Sessions that a test has left behind would keep the account from being removed. */
function endProcessesOf(user: string): void {
  try {
    execFileSync('pkill', ['-KILL', '-u', user]);
  } catch {
    // Nothing runs under that name.
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
