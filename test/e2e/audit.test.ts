/** The audit of a whole pool of real processes. */

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesOf } from '../audit/open-log.ts';
import type { Pool } from './harness/pool.ts';
import { type CommandResult, runCommand, startProgram } from './harness/program.ts';
import { addRecord, untilRecordHeld } from './harness/records.ts';
import { useSharedPools } from './harness/shared-pool.ts';
import { Tunnel } from './harness/tunnel.ts';
import { needs, until } from './harness/until.ts';
import { dialEcho } from './targets/socket.ts';
import { echo, startTarget, type Target } from './targets/target.ts';

const formPool = useSharedPools();
const ARRIVE_MS = 15_000;

interface Entry {
  readonly at: string;
  readonly instanceId: string;
  readonly name: string;
  readonly kind: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

let pool: Pool;
let target: Target;
let record: string;
let jobId: string;

/** `pam` of somebody, in a home of the pool's. */
function pamAs(profile: string, args: readonly string[]): Promise<CommandResult> {
  return runCommand({ program: 'pam', args, env: { PAM_PROFILE: profile, HOME: pool.folder } });
}
const pam = (...args: readonly string[]) => pamAs(pool.profileFile, args);

async function search(...args: readonly string[]): Promise<readonly Entry[]> {
  const { code, stdout, stderr } = await pam('audit', 'search', ...args, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout).entries;
}

beforeAll(async () => {
  target = await startTarget(echo);
  pool = await formPool({ instances: 3 });
  record = await addRecord(pool, 'web-1', target);
  await untilRecordHeld(pool, ['a', 'b', 'c'], 'web-1');
  const tunnel = await Tunnel.start({ pool, record: 'web-1' });
  const socket = await dialEcho(tunnel.port, 'hello');
  socket.end();
  jobId = tunnel.ready.jobId;
  await tunnel.stop();
});
afterAll(() => target.stop());

describe('the audit of a pool', () => {
  it('has the session with its bytes, from the worker that carried it', async () => {
    const [ended] = await until('the session is in the audit', { within: ARRIVE_MS }, async () => {
      const entries = await search('--kind', 'session-ended', '--text', jobId);
      const found = entries.filter(({ detail }) => detail['parent'] === jobId);
      needs(found.length === 1, () => JSON.stringify(entries));
      return found;
    });
    expect(ended?.detail).toMatchObject({
      jobKind: 'tunnel',
      recordId: record,
      state: 'succeeded',
      bytesIn: 5,
      bytesOut: 5,
    });
    expect(['a', 'b', 'c']).toContain(ended?.name);
    expect((await search('--kind', 'session-started', '--text', jobId)).length).toBeGreaterThan(0);
  });

  it('has the change of the limit: who asked for it, and every instance that took it', async () => {
    expect(await pam('gateway', 'set-max-instances', '-g', pool.uid, '-m', '4')).toMatchObject({ code: 0 });
    const applied = await search('--kind', 'limit-applied', '--since', '1m');
    expect(
      applied
        .filter(({ detail }) => detail['version'] === 2)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['a', 'b', 'c']);
    const [asked] = await search('--kind', 'requested', '--text', 'offer-limit');
    expect(asked?.detail).toMatchObject({ caller: pool.profile().keyId, outcome: 'done' });
  });

  it('has the denial, with the key of whoever was denied and what was missing', async () => {
    const bob = join(pool.folder, 'bob.json');
    await pam('grant', 'new', '--name', 'bob', '--out', bob, '--allow', 'tunnel:nothing');
    expect(await pamAs(bob, ['gateway', 'set-max-instances', '-g', pool.uid, '-m', '9'])).toMatchObject({ code: 4 });
    expect(await pamAs(bob, ['audit', 'tail'])).toMatchObject({ code: 4, stderr: expect.stringContaining('audit:*') });
    const [denied] = await search('--kind', 'denied', '--text', 'audit-page');
    const { keyId } = JSON.parse(readFileSync(bob, 'utf8'));
    expect(denied?.detail).toMatchObject({
      what: 'audit-page',
      code: 'not-allowed',
      ...(keyId ? { caller: keyId } : {}),
    });
  });

  it('may be read with a grant that says so by name, not with one that allows every kind of job', async () => {
    const [auditor, anybody] = [join(pool.folder, 'auditor.json'), join(pool.folder, 'anybody.json')];
    await pam('grant', 'new', '--name', 'auditor', '--out', auditor, '--allow', 'audit:*');
    await pam('grant', 'new', '--name', 'anybody', '--out', anybody);
    expect(await pamAs(auditor, ['audit', 'tail', '-n', '3'])).toMatchObject({ code: 0, stderr: '' });
    expect(await pamAs(anybody, ['audit', 'tail', '-n', '3'])).toMatchObject({ code: 4 });
  });

  it('is shown as text in the order of time, newest last', async () => {
    const { stdout } = await pam('audit', 'tail', '-n', '5', '--json');
    const entries: readonly Entry[] = JSON.parse(stdout).entries;
    expect(entries).toHaveLength(5);
    expect(entries.map(({ at }) => at)).toEqual(entries.map(({ at }) => at).sort());
    expect((await pam('audit', 'tail', '-n', '50')).stdout).toMatch(/ {2}[abc] {2}client-welcomed .*role=admin/);
  });

  it('is followed: what happens comes by itself, one document per line', async () => {
    const env = { PAM_PROFILE: pool.profileFile, HOME: pool.folder };
    const follower = startProgram({ program: 'pam', args: ['audit', 'tail', '-f', '-n', '1', '--json'], env });
    const lines: string[] = [];
    if (follower.stdout !== null) createInterface({ input: follower.stdout }).on('line', (line) => lines.push(line));
    try {
      await until('it has begun', { within: ARRIVE_MS }, () => needs(lines.length > 0, 'nothing came'));
      const marker = join(pool.folder, 'follow.json');
      await pam('grant', 'new', '--name', 'followed-user', '--out', marker);
      await pamAs(marker, ['gateway', 'list']);
      await until('the new client is shown', { within: ARRIVE_MS }, () => {
        const shown: readonly Entry[] = lines.map((line) => JSON.parse(line));
        needs(
          shown.some(({ detail }) => detail['grantName'] === 'followed-user'),
          () => lines.join(),
        );
      });
    } finally {
      follower.kill('SIGTERM');
      await once(follower, 'close');
    }
  });

  it('verifies over the network, offline, and as an exported file', async () => {
    const { code, stdout } = await pam('audit', 'verify', '--json');
    const { instances } = JSON.parse(stdout);
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(instances).toHaveLength(3);
    for (const instance of instances)
      expect(instance).toMatchObject({ ok: true, firstBadAt: null, events: expect.any(Number) });
    const file = join(pool.folder, 'a.jsonl');
    writeFileSync(file, (await pam('audit', 'export', '--instance', 'a')).stdout);
    const id = await pool.started[0]?.id();
    const offline = ['audit', 'verify', '--json', '--file', file, '--instance', String(id)];
    expect(JSON.parse((await pool.gateway('a', offline)).stdout).instances).toMatchObject([
      { instanceId: id, ok: true },
    ]);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"seat-taken"', '"seat-refused"'));
    expect(await pool.gateway('a', offline)).toMatchObject({ code: 1, stdout: expect.stringContaining('"ok":false') });
    expect(await pool.gateway('b', ['audit', 'verify'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('whole'),
    });
  });

  it('is exported as syslog messages', async () => {
    const { stdout } = await pam('audit', 'export', '--format', 'syslog', '--kind', 'session-ended');
    const message =
      /^<110>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [abc] pam-gateway - session-ended \[event@32473 instance="12D3KooW[^"]+" sequence="\d+" .*bytesIn="5".*\] session-ended$/m;
    expect(stdout).toMatch(message);
  });

  it('goes on after a kill, and tells what was lost with it', async () => {
    const [a] = pool.started;
    await a?.kill();
    expect(await pool.gateway('a', ['audit', 'verify'])).toMatchObject({ code: 0 });
    const again = pool.start('a');
    await again.untilLogged('admitted', { within: ARRIVE_MS });
    const { code, stdout } = await pam('audit', 'verify', '--json');
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect((await search('--kind', 'instance-started')).filter(({ name }) => name === 'a')).toHaveLength(2);
  });

  it('of an instance whose disk was set back is missed by whoever verified it before', async () => {
    const [path = ''] = filesOf(pool.dataDir('c'));
    const [c] = pool.started.slice(2);
    await c?.stop();
    const lines = readFileSync(path, 'utf8').split('\n');
    // A clean stop leaves nothing unsigned.
    expect(lines.at(-2)).toContain('"checkpoint"');
    expect(lines.at(-3)).toContain('"instance-stopped"');
    writeFileSync(path, `${lines.slice(0, 12).join('\n')}\n`);
    expect(await pool.gateway('c', ['audit', 'verify'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('NOT WHOLE at entry 13'),
    });
    const again = pool.start('c');
    await again.untilLogged('admitted', { within: ARRIVE_MS });
    expect(await pam('audit', 'verify')).toMatchObject({ code: 1, stdout: expect.stringMatching(/c at entry 13/) });
  });
});
