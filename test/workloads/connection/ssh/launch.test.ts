import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessClient } from '../../../../src/access/index.ts';
import { connectAdmin } from '../../../access/pool.ts';
import { type Launched, type LaunchInit, launch } from './in-process.ts';
import { sshServerMissing } from './ssh-server.ts';
import { SshWorld } from './ssh-world.ts';

let world: SshWorld;
let client: AccessClient;

/** A session on a record of this title, with no more input unless said. */
function launchOn(title: string, init: Omit<LaunchInit, 'recordId'>): Promise<Launched> {
  const record = world.pool.records.find((one) => one.title === title);
  if (record === undefined) throw new Error(`no record ${title}`);
  return launch(client, { recordId: record.recordId, ...init });
}

describe.skipIf(sshServerMissing() !== undefined)('a connection to an SSH server', () => {
  beforeAll(async () => {
    world = await SshWorld.start();
    world.addRecord('web-1');
    client = await connectAdmin(world.members);
  }, 30_000);
  afterAll(async () => {
    await client?.stop();
    await world?.stop();
  });

  it.each([
    ['exit 0', { code: 0, signal: null }],
    ['exit 255', { code: 255, signal: null }],
    ['no-such-command-here', { code: 127, signal: null }],
    ['kill -TERM $$', { code: null, signal: 'TERM' }],
    ['kill -KILL $$', { code: null, signal: 'KILL' }],
    ['kill -SEGV $$', { code: null, signal: 'SEGV' }],
  ])('tells how a command ended: %s', async (command, exit) => {
    const { ended } = await launchOn('web-1', { command, input: '' });
    expect(await ended).toMatchObject({ exit, end: { reason: 'normal' } });
  });

  it('keeps standard output and standard error apart', async () => {
    const session = await launchOn('web-1', { command: 'echo out; echo err >&2', input: '' });
    await session.ended;
    expect([session.output(), session.errors()]).toEqual(['out\n', 'err\n']);
  });

  it('is a shell without a terminal when no command is named', async () => {
    const session = await launchOn('web-1', { input: 'echo $((6 * 7)); exit 9\n' });
    expect(await session.ended).toMatchObject({ exit: { code: 9 } });
    expect(session.output()).toBe('42\n');
  });

  it('is a terminal that follows the size of the screen, and takes Ctrl-C', async () => {
    const terminal = { name: 'xterm-256color', columns: 100, rows: 30 };
    const session = await launchOn('web-1', { terminal });
    session.input.write('stty size; echo $TERM; printf "grün \\033[1mbold\\n"\n');
    await session.until('30 100');
    await session.until('xterm-256color');
    await session.until('grün \u001b[1mbold');
    session.resize(120, 40);
    session.input.write('stty size\n');
    await session.until('40 120');
    session.input.write('echo NAP; sleep 1000\n');
    await session.until('\rNAP');
    session.input.write('\u0003');
    await session.until('^C');
    session.input.write('exit 3\n');
    expect(await session.ended).toMatchObject({ exit: { code: 3, signal: null } });
  });

  it.each([
    ['a private key', () => ({ privateKey: world.server.privateKey })],
    ['a key with a passphrase', () => ({ privateKey: world.server.lockedKey, passphrase: world.server.passphrase })],
  ])('logs in with %s', async (title, credential) => {
    world.addRecord(title, { credential: credential() });
    const session = await launchOn(title, { command: 'id -un', input: '' });
    await session.ended;
    expect(session.output()).toBe(`${world.server.user}\n`);
    expect(world.server.log()).toContain('Accepted publickey');
  });

  it('reaches a target through another record', async () => {
    world.addRecord('inner', { labels: { 'ssh.via': 'web-1' } });
    const session = await launchOn('inner', { command: 'echo $SSH_CONNECTION', input: '' });
    await session.ended;
    expect(session.output()).toContain('127.0.0.1');
    world.addRecord('circle', { labels: { 'ssh.via': 'circle' } });
    await expect(launchOn('circle', {})).rejects.toMatchObject({ code: 'bad-config', message: /leads in a circle/ });
  });

  it.each([
    [
      'a wrong password',
      { credential: { password: 'x' } },
      'credential-refused',
      /refused the credential of record "a wrong password"/,
    ],
    ['no credential', { credential: {} }, 'credential-missing', /has neither a password nor a private key/],
    ['no key', { credential: { privateKey: 'none' } }, 'credential-missing', /has a private key that cannot be read/],
    ['nobody there', { port: 1 }, 'target-refused', /127\.0\.0\.1:1: connection refused/],
    ['no reason', { labels: { 'session.reason': 'required' } }, 'not-allowed', /asks for a reason/],
    [
      'a wrong label',
      { labels: { 'session.idle-limit': 'soon' } },
      'bad-config',
      /label session\.idle-limit .* is "soon"/,
    ],
  ])('says why there is none: %s', async (title, init, code, message) => {
    world.addRecord(title, init);
    await expect(launchOn(title, {})).rejects.toMatchObject({ code, message });
  });

  it('trusts the host key it sees first, and refuses another one with both fingerprints', async () => {
    const before = world.server.hostKey;
    const first = await launchOn('web-1', { command: 'true', input: '' });
    expect(await first.opened).toMatchObject({ hostKey: before, hostKeyTrust: 'worker' });
    await first.ended;
    const after = await world.server.changeHostKey();
    await expect(launchOn('web-1', {})).rejects.toMatchObject({
      code: 'host-key-changed',
      message: expect.stringMatching(
        new RegExp(`is ${escapePlus(after)}, but ${escapePlus(before)} is seen by this instance`),
      ),
    });
    world.addRecord('pinned', { labels: { 'ssh.host-key': before } });
    await expect(launchOn('pinned', {})).rejects.toMatchObject({
      code: 'host-key-changed',
      message: /pinned in the record/,
    });
    world.addRecord('pinned anew', { labels: { 'ssh.host-key': after } });
    const again = await launchOn('pinned anew', { command: 'true', input: '' });
    expect(await again.opened).toMatchObject({ hostKeyTrust: 'record' });
    await again.ended;
  });
});

describe.skipIf(sshServerMissing() !== undefined)('a server that asks questions', () => {
  it('is answered with the password where its question is not shown, and with nothing else', async () => {
    world = await SshWorld.start({ config: ['PasswordAuthentication no', 'PubkeyAuthentication no'] });
    const { recordId } = world.addRecord('asks');
    client = await connectAdmin(world.members);
    const session = await launch(client, { recordId, command: 'echo in', input: '' });
    await session.ended;
    expect(session.output()).toBe('in\n');
    expect(world.server.log()).toContain('Accepted keyboard-interactive');
    await client.stop();
    await world.stop();
  }, 30_000);
});

function escapePlus(text: string): string {
  return text.replace(/[+/]/g, '\\$&');
}
