import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/launcher/runtime.js';
import { type SshServer, sshServerMissing, startSshServer } from '../workloads/connection/ssh/ssh-server.ts';
import { follow, type Ran } from '../workloads/connection/ssh/ssh-world.ts';
import type { Pool } from './harness/pool.ts';
import { useSharedPools } from './harness/shared-pool.ts';
import { needs, until } from './harness/until.ts';

const createPool = useSharedPools();
const PAM = join(packageRoot, 'src', 'launcher', 'pam.js');
let pool: Pool;
let server: SshServer;

/** Runs `pam` as the admin with something on its standard input. */
async function pam(args: readonly string[], input = ''): Promise<Ran> {
  const child = spawn(process.execPath, [PAM, ...args], { env: environment(), stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return follow(child);
}

function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: pool.folder,
    PAM_PROFILE: pool.profileFile,
    LANG: 'C.UTF-8',
    TERM: 'xterm',
  };
}

/** A terminal of 80 by 24 that a person could sit at. */
class Terminal {
  readonly #name: string;

  constructor(name: string, command: string) {
    this.#name = `pam-ssh-${process.pid}-${name}`;
    const size = ['-x', '80', '-y', '24'];
    execFileSync('tmux', ['-L', this.#name, '-f', '/dev/null', 'new-session', '-d', ...size, command], {
      env: environment(),
    });
    execFileSync('tmux', ['-L', this.#name, 'set', '-g', 'remain-on-exit', 'on']);
  }

  type(...keys: readonly string[]): void {
    execFileSync('tmux', ['-L', this.#name, 'send-keys', ...keys]);
  }

  screen(): string {
    return execFileSync('tmux', ['-L', this.#name, 'capture-pane', '-p', '-e'], { encoding: 'utf8' });
  }

  async until(text: string | RegExp): Promise<string> {
    return until(`the screen shows ${text}`, { within: 20_000 }, () => {
      const screen = this.screen();
      needs(typeof text === 'string' ? screen.includes(text) : text.test(screen), () => screen);
      return screen;
    });
  }

  end(): void {
    execFileSync('tmux', ['-L', this.#name, 'kill-server']);
  }
}

describe.skipIf(sshServerMissing() !== undefined)('SSH sessions through a pool', { timeout: 60_000 }, () => {
  beforeAll(async () => {
    [pool, server] = await Promise.all([createPool({ instances: 2 }), startSshServer()]);
    const where = ['--host', '127.0.0.1', '--port', String(server.port), '--protocol', 'ssh', '--user', server.user];
    const added = await pam(
      ['record', 'add', '--type', 'machine', '--title', 'web-1', ...where, '--password-stdin'],
      `${server.password}\n`,
    );
    expect(added, added.stderr).toMatchObject({ code: 0 });
    writeFileSync(join(server.home, 'text'), Array.from({ length: 200 }, (_, line) => `line ${line} grün\n`).join(''));
    writeFileSync(join(server.home, '.vimrc'), 'set nocompatible laststatus=2 nomodeline\n');
  }, 60_000);
  afterAll(() => server?.stop());

  it('pam launch -- COMMAND ends as the command does; the first session pins the host key for all', async () => {
    const first = await pam(['launch', 'web-1', '-v', '--', 'echo out; exit 5']);
    expect([first.stdout, first.code]).toEqual(['out\n', 5]);
    expect(first.stderr).toContain(`host key ${server.hostKey} is pinned in the record`);
    const shown = await pam(['record', 'show', 'web-1', '--json']);
    expect(shown.stdout).toContain(server.hostKey);
  });

  it('a grant’s conditions hold besides the record’s labels: a reason, no files, and a recording all the same', async () => {
    const labels = ['--label', 'session.recording=off', '--label', `ssh.host-key=${server.hostKey}`];
    const edited = await pam(['record', 'edit', 'web-1', ...labels]);
    expect(edited, edited.stderr).toMatchObject({ code: 0 });
    const profile = join(pool.folder, 'alice.json');
    const conditions = ['--recorded', '--no-file-transfer', '--reason', '--session-limit', '1h'];
    const made = await pam([
      'grant',
      'new',
      '--name',
      'alice',
      '--out',
      profile,
      '--allow',
      'connection:web-1',
      ...conditions,
    ]);
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const asAlice = (args: readonly string[]): Promise<Ran> => pam([...args, '--profile', profile]);
    const unreasoned = await asAlice(['cp', PAM, 'web-1:']);
    expect(unreasoned, unreasoned.stderr).toMatchObject({ code: 4, stderr: expect.stringContaining('--reason') });
    const files = await asAlice(['cp', '--reason', 'T-1', PAM, 'web-1:']);
    expect(files, files.stderr).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('the grant of alice forbids it'),
    });
    const shell = await pam(['launch', '--profile', profile, '--reason', 'T-2', '-v', 'web-1', '--', 'echo in']);
    expect(shell, shell.stderr).toMatchObject({
      code: 0,
      stdout: 'in\n',
      stderr: expect.stringMatching(/, recording \S{22}/),
    });
    expect((await pam(['launch', '-v', 'web-1', '--', 'echo in'])).stderr).toContain('not recorded');
    expect(await pam(['record', 'edit', 'web-1', '--label', 'session.recording=required'])).toMatchObject({ code: 0 });
  });

  it('is watched and ended by an admin, and its recording kept: all of that is in the audit', async () => {
    const profile = join(pool.folder, 'alice.json');
    const user = new Terminal('user', `${process.execPath} ${PAM} launch web-1 --profile ${profile} --reason T-3`);
    await user.until(/^\$ ?$/m);
    const { sessions } = JSON.parse((await pam(['session', 'list', '--json'])).stdout);
    const { jobId, recordingId } = sessions.find((one: { user: string }) => one.user === 'alice');
    const watcher = new Terminal('watcher', `${process.execPath} ${PAM} session watch ${jobId}`);
    await until('somebody watches', { within: 20_000 }, async () => {
      user.type('echo $((40 + 2))-watched', 'Enter');
      needs(watcher.screen().includes('42-watched'), () => watcher.screen());
    });
    const killed = await pam(['session', 'kill', jobId, '--json']);
    expect(killed, killed.stderr).toMatchObject({ code: 0 });
    await watcher.until('The session has ended');
    for (const terminal of [user, watcher]) terminal.end();

    const caller = pool.keyOf(pool.profileFile);
    const controlled = await entriesOf('session-controlled', jobId, 2);
    expect(controlled).toEqual([
      { jobId, caller, what: 'watched' },
      { jobId, caller, what: 'ended' },
    ]);
    const [kept] = await entriesOf('recording-kept', jobId, 1);
    expect(kept).toMatchObject({ recordingId, jobId, digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const files = pool.started.flatMap((instance) => recordingsIn(pool.dataDir(instance.name)));
    const file = files.find((path) => path.includes(String(recordingId)));
    const bytes = readFileSync(file ?? '');
    expect(kept).toMatchObject({
      sizeBytes: bytes.length,
      digest: createHash('sha256').update(bytes).digest('hex'),
    });
  });

  it.each([
    ['vim', 'vim text', ['G', 'dd', 'i', 'typed-here', 'Escape'], 'typed-here'],
    ['less', 'less text', ['G', 'b'], 'line 17'],
    ['top', 'top -b -n 1 | head -3 | cut -c1-3', [], 'top'],
  ])('%s looks the same as through plain ssh', async (name, command, keys, text) => {
    const key = join(pool.folder, `key-${name}`);
    writeFileSync(key, server.privateKey, { mode: 0o600 });
    const plain = `ssh -tt -i ${key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -p ${server.port} ${server.user}@127.0.0.1`;
    const screens = [];
    for (const line of [plain, `${process.execPath} ${PAM} launch web-1`]) {
      const terminal = new Terminal(`${name}-${screens.length}`, line);
      await terminal.until(/^\$ ?$/m);
      terminal.type(`clear; ${command}`, 'Enter');
      await terminal.until(name === 'less' ? 'line 0' : name === 'vim' ? 'line 1' : 'top');
      for (const stroke of keys) terminal.type(stroke);
      await terminal.until(text);
      screens.push(await settled(terminal));
      terminal.end();
    }
    expect(screens[1]).toBe(screens[0]);
  });

  it('a session whose worker dies is lost at once, and --reconnect begins another', async () => {
    const terminal = new Terminal('death', `${process.execPath} ${PAM} launch web-1 --reconnect`);
    await terminal.until(/^\$ ?$/m);
    terminal.type('echo $((40 + 2))-before', 'Enter');
    await terminal.until('42-before');
    const listed = await pam(['session', 'list', '--json']);
    const { sessions }: { sessions: readonly { worker: string; title: string }[] } = JSON.parse(listed.stdout);
    const [session] = sessions;
    expect(session).toMatchObject({ title: 'web-1' });
    const ids = await Promise.all(pool.started.map((instance) => instance.id()));
    await pool.started[ids.indexOf(session?.worker ?? '')]?.kill();
    await terminal.until('The session was lost');
    terminal.type('echo $((50 + 2))-after', 'Enter');
    await terminal.until('52-after');
    terminal.type('exit', 'Enter');
    terminal.end();
    const { stdout } = await pam(['recording', 'list', '--json']);
    const { recordings }: { recordings: readonly { command: string | null }[] } = JSON.parse(stdout);
    expect(recordings.length).toBeGreaterThan(0);
  });
});

/** What the audit of all instances says of a session, in the order of time, once it says so much. */
async function entriesOf(kind: string, text: string, count: number): Promise<readonly Record<string, unknown>[]> {
  return until(`${count} ${kind} in the audit`, { within: 20_000 }, async () => {
    const { stdout, stderr } = await pam(['audit', 'search', '--kind', kind, '--text', text, '--json']);
    const { entries }: { entries: readonly { detail: Record<string, unknown> }[] } = JSON.parse(stdout);
    needs(entries.length === count, () => `${entries.length} entries ${stderr}`);
    return entries.map(({ detail }) => detail);
  });
}

function recordingsIn(dataDir: string): readonly string[] {
  const folder = join(dataDir, 'recordings');
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

/** The screen once two looks in a row are the same. */
async function settled(terminal: Terminal): Promise<string> {
  let before = '';
  return until('the screen is still', { within: 10_000, every: 300 }, () => {
    const now = terminal.screen();
    const isStill = now === before;
    before = now;
    needs(isStill, 'it changes');
    return now;
  });
}
