import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageMain } from '../../../cli/program.ts';
import { sshServerMissing } from './ssh-server.ts';
import { follow, type Ran, SshWorld } from './ssh-world.ts';

let world: SshWorld;
let config: string;

/** Runs one of OpenSSH's own programs, or one that uses them, as a person with this configuration does. */
async function tool(name: string, args: readonly string[], input = ''): Promise<Ran> {
  const child = spawn(name, args, { env: { ...world.environment() }, stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return follow(child);
}

async function textOf(id: string): Promise<string> {
  const reader = await world.archive.open(id);
  let text = '';
  for await (const chunk of reader.text()) text += chunk;
  await reader.close();
  return text;
}

describe.skipIf(sshServerMissing() !== undefined)('people’s own tools through pam proxy', { timeout: 60_000 }, () => {
  beforeAll(async () => {
    world = await SshWorld.start();
    world.addRecord('web-1');
    world.addRecord('no-files', { labels: { 'session.file-transfer': 'off' } });
    config = join(world.folder, 'ssh-config');
    const proxy = `${process.execPath} ${packageMain('pam')} proxy %h`;
    const known = join(world.folder, 'known_hosts');
    const lines = [
      'Host *',
      `ProxyCommand ${proxy}`,
      `UserKnownHostsFile ${known}`,
      'StrictHostKeyChecking accept-new',
    ];
    writeFileSync(
      config,
      [
        ...lines,
        'BatchMode yes',
        'IdentityAgent none',
        'ControlMaster auto',
        `ControlPath ${world.folder}/%h.sock`,
        'ControlPersist 60',
        '',
      ].join('\n'),
    );
  }, 60_000);
  afterAll(async () => {
    for (const host of ['web-1', 'no-files']) await tool('ssh', ['-F', config, '-O', 'exit', host]);
    await world?.stop();
  });

  it('ssh runs a command with its exit code and both outputs, as the record’s user whoever asks', async () => {
    const { stdout, stderr, code } = await tool('ssh', ['-F', config, 'nobody@web-1', 'id -un; echo err >&2; exit 7']);
    expect([stdout, code]).toEqual([`${world.server.user}\n`, 7]);
    expect(stderr).toContain('err\n');
  });

  it('ssh passes signals on as OpenSSH does, and input', async () => {
    expect((await tool('ssh', ['-F', config, 'web-1', 'kill -KILL $$'])).code).toBe(255);
    expect((await tool('ssh', ['-F', config, 'web-1', 'wc -c'], 'x'.repeat(500_000))).stdout.trim()).toBe('500000');
  });

  it('ssh has a terminal', async () => {
    const { stdout } = await tool('ssh', ['-F', config, '-tt', 'web-1', 'stty size; echo $TERM']);
    expect(stdout).toContain('xterm-256color');
  });

  it('scp, sftp and rsync carry files both ways', async () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, at) => (at * 31) % 251));
    const path = join(world.folder, 'file');
    writeFileSync(path, bytes);
    expect(await tool('scp', ['-F', config, path, 'web-1:copied'])).toMatchObject({ code: 0 });
    expect(readFileSync(join(world.server.home, 'copied')).equals(bytes)).toBe(true);
    expect(await tool('scp', ['-O', '-F', config, 'web-1:copied', `${path}.back`])).toMatchObject({ code: 0 });
    expect(readFileSync(`${path}.back`).equals(bytes)).toBe(true);
    const folder = join(world.folder, 'tree');
    mkdirSync(join(folder, 'deep'), { recursive: true });
    for (const name of ['a', 'deep/b']) writeFileSync(join(folder, name), bytes);
    expect(await tool('rsync', ['-a', '-e', `ssh -F ${config}`, `${folder}/`, 'web-1:tree/'])).toMatchObject({
      code: 0,
    });
    expect(readFileSync(join(world.server.home, 'tree/deep/b')).equals(bytes)).toBe(true);
    const batch = await tool('sftp', ['-F', config, '-b', '-', 'web-1'], 'ls -1 tree\n');
    expect(batch).toMatchObject({ code: 0, stdout: expect.stringContaining('tree/deep') });
  });

  it.skipIf(!existsSync('/usr/bin/ansible'))(
    'Ansible copies its module over, runs it and gets its answer',
    async () => {
      const env = {
        ...world.environment(),
        ANSIBLE_NOCOLOR: '1',
        ANSIBLE_PYTHON_INTERPRETER: '/usr/bin/python3',
        ANSIBLE_SSH_ARGS: `-F ${config}`,
      };
      const child = spawn('ansible', ['all', '-i', 'web-1,', '-m', 'ping'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      const { code, stdout, stderr } = await follow(child);
      expect(code, stdout + stderr).toBe(0);
      expect(stdout).toMatch(/web-1 \| SUCCESS[\s\S]*"ping": "pong"/);
    },
  );

  it('files are refused where the record says so', async () => {
    expect((await tool('ssh', ['-F', config, 'no-files', 'echo shell-still'])).stdout).toBe('shell-still\n');
    const { code, stderr } = await tool('scp', ['-F', config, 'no-files:/etc/hostname', world.folder]);
    expect(stderr).toContain('[gateway] file transfer is not allowed in this session');
    expect(code).not.toBe(0);
  });

  it('nothing is forwarded unless the record says so', async () => {
    expect((await tool('ssh', ['-F', config, '-W', `127.0.0.1:${world.server.port}`, 'web-1'])).code).not.toBe(0);
  });

  it('is recorded on the worker', async () => {
    const commands = (await world.archive.list()).map(({ info }) => info.command);
    expect(commands).toEqual(expect.arrayContaining(['id -un; echo err >&2; exit 7', '(sftp)']));
    expect(commands.some((command) => command?.startsWith('rsync --server'))).toBe(true);
    const files = (await world.archive.list()).filter(({ info }) => info.command === '(sftp)');
    const texts = await Promise.all(files.map(({ info }) => textOf(info.id)));
    expect(texts.some((text) => text.includes('copied: written 300000 bytes'))).toBe(true);
    expect(world.server.log()).toContain(`Accepted password for ${world.server.user}`);
  });
});
