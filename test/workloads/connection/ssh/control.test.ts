import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askDesk } from '../../../../src/access/client/index.ts';
import type { AccessClient } from '../../../../src/access/index.ts';
import { parseEvent } from '../../../../src/recording/index.ts';
import type { DeskAnswer, DeskRequest } from '../../../../src/wire/desk-message.ts';
import { NO_CONDITIONS } from '../../../../src/wire/grant.ts';
import { admin, connectAdmin, GRANT_OF_NOTHING, soon } from '../../../access/pool.ts';
import { type Launched, type LaunchInit, launch } from './in-process.ts';
import { sshServerMissing } from './ssh-server.ts';
import { SshWorld } from './ssh-world.ts';

const TERMINAL = { name: 'xterm', columns: 80, rows: 24 };
let world: SshWorld;
let client: AccessClient;

function launchOn(title: string, init: Omit<LaunchInit, 'recordId'>): Promise<Launched> {
  const record = world.pool.records.find((one) => one.title === title);
  if (record === undefined) throw new Error(`no record ${title}`);
  return launch(client, { recordId: record.recordId, ...init });
}

function deskOf({ desk }: SshWorld) {
  if (desk === undefined) throw new Error('no desk');
  return desk;
}

function place() {
  const [member] = world.members;
  if (member === undefined) throw new Error('no member');
  return { instanceId: member.id, addresses: member.server?.addresses() ?? [] };
}

async function ask(request: DeskRequest, from = client): Promise<readonly DeskAnswer[]> {
  const parts: DeskAnswer[] = [];
  for await (const part of askDesk(from, place(), request, soon())) parts.push(part);
  return parts;
}

/** What a recording showed, put together. */
async function shown(id: string): Promise<string> {
  const parts = await ask({ kind: 'read-recording', id });
  const text = parts.flatMap((part) => (part.kind === 'text' ? [Buffer.from(part.data).toString()] : [])).join('');
  return text
    .split('\n')
    .map(parseEvent)
    .flatMap((event) => (event?.code === 'o' ? [event.data] : []))
    .join('');
}

describe.skipIf(sshServerMissing() !== undefined)('a session', () => {
  beforeAll(async () => {
    world = await SshWorld.start();
    world.addRecord('web-1');
    client = await connectAdmin(world.members);
  }, 30_000);
  afterAll(async () => {
    await client?.stop();
    await world?.stop();
  });

  it('is recorded as it was shown, without what was typed, and never with the password', async () => {
    const session = await launchOn('web-1', { terminal: TERMINAL });
    session.input.write('stty -echo; echo READY; read secret; stty echo; echo got-it\n');
    await session.until('\rREADY');
    session.input.write('typed-in-secret\n');
    await session.until('READY\r\ngot-it');
    session.resize(100, 30);
    session.input.write('exit\n');
    await session.ended;
    const { recordingId } = await session.opened;
    expect(await shown(recordingId ?? '')).toBe(session.output());
    const [entry] = (await ask({ kind: 'list-recordings' })).filter(
      (part) => part.kind === 'recording' && part.entry.session.recordingId === recordingId,
    );
    expect(entry).toMatchObject({
      entry: { session: { user: 'admin', recordTitle: 'web-1' }, ending: { reason: 'normal', exitCode: 0 } },
    });
    const reader = await world.archive.open(recordingId ?? '');
    let text = '';
    for await (const chunk of reader.text()) text += chunk;
    await reader.close();
    expect(text).not.toContain('typed-in-secret');
    expect(text).not.toContain(world.server.password);
    expect(text).toContain('"r", "100x30"');
  });

  it('is listed, watched from now on, and ended with a message that its user reads', async () => {
    const session = await launchOn('web-1', { terminal: TERMINAL });
    session.input.write('echo before\n');
    await session.until('\rbefore');
    const listed = await ask({ kind: 'list-sessions' });
    expect(listed).toContainEqual(
      expect.objectContaining({ entry: expect.objectContaining({ jobId: session.jobId }) }),
    );
    const watching = ask({ kind: 'watch-session', jobId: session.jobId });
    session.input.write('for i in 1 2 3 4 5 6 7 8 9; do echo watched; sleep 0.1; done\n');
    await session.until('watched\r\nwatched\r\nwatched');
    await client.request({ kind: 'job-cancel', jobId: session.jobId, reason: 'maintenance begins' }, 'done', soon());
    expect(await session.ended).toMatchObject({ end: { reason: 'terminated', text: 'maintenance begins' } });
    const seen = (await watching).flatMap((part) => (part.kind === 'text' ? [Buffer.from(part.data).toString()] : []));
    expect(seen.join('')).toContain('watched');
    expect(seen.join('')).not.toContain('before\\r\\n');
    await world.pool.ended(session.jobId);
    expect(world.pool.notice(session.jobId)).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' } });
  });

  it('is nobody else’s: another caller sees neither sessions nor recordings', async () => {
    const session = await launchOn('web-1', { terminal: TERMINAL });
    const { recordingId } = await session.opened;
    const tell = async (id: string, request: DeskRequest): Promise<readonly DeskAnswer[]> => {
      const parts: DeskAnswer[] = [];
      for await (const part of deskOf(world).answer({ id, isAdmin: false }, request, soon())) parts.push(part);
      return parts;
    };
    const requests = [
      { kind: 'list-sessions' },
      { kind: 'list-recordings' },
      { kind: 'search-recordings', text: 'e' },
    ] as const;
    for (const request of requests) {
      expect(await tell('somebody', request)).toEqual([{ kind: 'done', end: 'complete' }]);
      if (request.kind !== 'search-recordings') expect((await tell(admin.id, request)).length).toBeGreaterThan(1);
    }
    await expect(tell('somebody', { kind: 'read-recording', id: recordingId ?? '' })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(tell('somebody', { kind: 'watch-session', jobId: session.jobId })).rejects.toMatchObject({
      code: 'not-found',
    });
    session.leave();
    await session.ended;
  });

  it.each([
    ['idle', { 'session.idle-limit': '1s' }, 'idle-limit', /nothing was typed and nothing came for 1 s/],
    ['total', { 'session.total-limit': '1s' }, 'total-limit', /lasts 1 s at most/],
  ])('ends at its %s limit, and says so', async (title, labels, reason, text) => {
    world.addRecord(title, { labels });
    const session = await launchOn(title, { terminal: TERMINAL });
    expect(await session.ended).toMatchObject({ end: { reason, text: expect.stringMatching(text) } });
  });

  it('is not recorded where the record says so, and listed all the same', async () => {
    world.addRecord('quiet', { labels: { 'session.recording': 'off' } });
    const session = await launchOn('quiet', { terminal: TERMINAL });
    expect(await session.opened).toMatchObject({ recordingId: null });
    const listed = await ask({ kind: 'list-sessions' });
    expect(listed).toContainEqual(
      expect.objectContaining({ entry: expect.objectContaining({ jobId: session.jobId, recordingId: null }) }),
    );
    session.leave();
    await session.ended;
  });

  it('is recorded, and keeps away from the clipboard, where the grant says so and the record does not', async () => {
    world.addRecord('lenient', { labels: { 'session.recording': 'off' } });
    world.pool.grant = {
      ...GRANT_OF_NOTHING,
      conditions: { ...NO_CONDITIONS, recordingRequired: true, clipboardForbidden: true, sessionMsMax: 1_000 },
    };
    try {
      const command = "printf 'a\\033]52;c;aGVsbG8=\\007b'; sleep 60";
      const session = await launchOn('lenient', { command, terminal: TERMINAL });
      expect((await session.opened).recordingId).not.toBeNull();
      expect(await session.ended).toMatchObject({
        end: { reason: 'total-limit', text: expect.stringContaining('lasts 1 s at most') },
      });
      expect(session.output()).toBe('a\u0018b');
    } finally {
      world.pool.grant = null;
    }
  });

  it('ends when its recording can no longer be written, and none begins', async () => {
    const folder = join(world.folder, 'recordings');
    mkdirSync(folder, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder]);
    try {
      const session = await launchOn('web-1', { command: 'head -c 3000000 /dev/urandom | base64', input: '' });
      expect(await session.ended).toMatchObject({
        end: { reason: 'recording-failed', text: expect.stringMatching(/no space left on the disk/) },
      });
      const next = await launchOn('web-1', { command: 'echo ran', input: '' });
      expect(await next.ended).toMatchObject({ end: { reason: 'recording-failed' } });
      expect(next.output()).toBe('');
    } finally {
      execFileSync('umount', ['-l', folder]);
    }
  });
});
