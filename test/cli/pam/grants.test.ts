/** What users may do, without a pool: keys, passphrases, grants and their list. */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatHours, parseHours } from '../../../src/cli/pam/grant/hours.ts';
import { assemblePam } from '../../../src/cli/pam/program.ts';
import { type Ran, runInside } from '../program.ts';

const folder = mkdtempSync(join(tmpdir(), 'grants-'));
const adminProfile = join(folder, 'g', 'admin-profile.json');
const inHome = (name: string): string => join(folder, 'home', name);

function admin(...args: readonly string[]): Promise<Ran> {
  return runInside(assemblePam, args, { PAM_PROFILE: adminProfile });
}

function user(...args: readonly string[]): Promise<Ran> {
  return runInside(assemblePam, args, { PAM_PROFILE: inHome('profile.json') });
}

beforeAll(async () => {
  await admin('gateway', 'new', '-n', 'prod', '-m', '1', '-o', join(folder, 'g'), '--address', '127.0.0.1:1');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a user with a key of their own', () => {
  let publicKey: string;

  it('makes it once, on their machine, and shows its public part', async () => {
    const made = await user('login');
    publicKey = made.stdout.trim();
    expect(publicKey).toMatch(/^12D3KooW\w{44}$/);
    expect(statSync(inHome('key.json')).mode & 0o777).toBe(0o600);
    expect((await user('login')).stdout.trim()).toBe(publicKey);
    expect(await user('login', '--passphrase')).toMatchObject({ code: 1, stderr: expect.stringContaining('exists') });
  });

  it('gets a grant that holds no key, and makes a profile of the two', async () => {
    const file = join(folder, 'alice.grant');
    const allow = ['--allow', 'tunnel:web-*', '--allow', 'connection:label:env=prod'];
    const conditions = ['--from', '10.0.0.0/8', '--session-limit', '30m', '--no-clipboard', '--reason'];
    const made = await admin(
      'grant',
      'new',
      '--name',
      'alice',
      '--for-key',
      publicKey,
      '--out',
      file,
      ...allow,
      ...conditions,
    );
    expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining(`pam login --grant ${file}`) });
    expect(JSON.parse(readFileSync(file, 'utf8')).key).toBeNull();
    expect(await user('login', '--grant', file)).toMatchObject({ code: 0, stdout: `${inHome('profile.json')}\n` });
    expect(JSON.parse(readFileSync(inHome('profile.json'), 'utf8'))).toMatchObject({ role: 'user', name: 'alice' });
    expect(await user('login', '--grant', file)).toMatchObject({ code: 0 });
  });

  it('cannot use the grant of somebody else', async () => {
    const file = join(folder, 'bob.grant');
    const other = join(folder, 'other', 'profile.json');
    const { stdout } = await runInside(assemblePam, ['login'], { PAM_PROFILE: other });
    await admin('grant', 'new', '--name', 'bob', '--for-key', stdout.trim(), '--out', file);
    expect(await user('login', '--grant', file)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/grant: is for the key/),
    });
  });

  it('stands in the list of who issued it', async () => {
    const { grants } = JSON.parse((await admin('grant', 'list', '--json')).stdout);
    expect(grants.map(({ name, state }: { name: string; state: string }) => [name, state])).toEqual([
      ['alice', 'unknown'],
      ['bob', 'unknown'],
    ]);
    const shown = (await admin('grant', 'show', 'alice')).stdout;
    for (const text of [
      'tunnel:web-*, connection:label:env=prod',
      'only from 10.0.0.0/8',
      'sessions of at most 30m 00s',
      'no clipboard',
      'with a reason',
    ])
      expect(shown).toContain(text);
    expect(await admin('grant', 'show', 'carol')).toMatchObject({ code: 1, stderr: expect.stringContaining('bob') });
  });
});

describe('what cannot be granted', () => {
  const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
    [['--allow', 'everything:web'], /--allow: "everything:web" is not KIND:RECORD/],
    [['--allow', 'tunnel:label:env'], /--allow: "env" is not KEY=VALUE/],
    [['--from', '10.0.0.0/33'], /--from: "10.0.0.0\/33" is no range/],
    [['--hours', 'always'], /--hours: "always" is wrong/],
    [['--hours', 'Mon 25:00-26:00'], /--hours: .* is wrong/],
    [['--hours', 'Mon 08:00-09:00 Europe/Atlantis'], /"Europe\/Atlantis" is no time zone/],
    [['--not-before', 'tomorrow'], /--not-before: "tomorrow" is not a time/],
    [['--session-limit', '0s'], /--session-limit/],
    [['--for-key', 'ssh-ed25519 AAAA'], /--for-key: .* is no public key/],
  ];
  it.each(mistakes)('%j', async (flags, message) => {
    const refused = await admin('grant', 'new', '--name', 'x', '--out', join(folder, 'x.json'), ...flags);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  });
});

describe('a passphrase', { timeout: 60_000 }, () => {
  const passphraseFile = join(folder, 'passphrase');

  it('protects a key, which is nowhere in the file and opens with nothing else', async () => {
    writeFileSync(passphraseFile, 'correct horse battery\n');
    const profile = join(folder, 'carol.json');
    const env = { PAM_PROFILE: adminProfile, PAM_PASSPHRASE_FILE: passphraseFile };
    const args = ['grant', 'new', '--name', 'carol', '--out', profile, '--passphrase'];
    expect(await runInside(assemblePam, args, env)).toMatchObject({ code: 0 });
    const { key } = JSON.parse(readFileSync(profile, 'utf8'));
    expect(Object.keys(key)).toEqual(['id', 'scryptCost', 'salt', 'nonce', 'sealed']);
    const list = ['record', 'list', '--profile', profile];
    // Opened, it finds that nobody is there.
    expect(await runInside(assemblePam, list, env)).toMatchObject({ code: 5 });
    expect(await runInside(assemblePam, list, {})).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('passphrase'),
    });
    writeFileSync(passphraseFile, 'correct horse\n');
    expect(await runInside(assemblePam, list, env)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('is wrong'),
    });
    writeFileSync(passphraseFile, 'short\n');
    const short = await runInside(assemblePam, [...args.slice(0, 5), `${profile}2`, '--passphrase'], env);
    expect(short).toMatchObject({ code: 2, stderr: expect.stringContaining('fewer than 8') });
  });
});

describe('hours of the week', () => {
  const from = Date.UTC(2027, 0, 15);
  const year = { issuedUnixMs: from, expiresUnixMs: from + 365 * 86_400_000 };

  it('carry the changes of their zone with them', () => {
    const { offsets } = parseHours('Mon-Fri 08:00-18:00 Europe/Berlin', year);
    expect(offsets).toEqual([
      { fromUnixMs: 0, westToEastMinutes: 60 },
      { fromUnixMs: Date.UTC(2027, 2, 28, 1), westToEastMinutes: 120 },
      { fromUnixMs: Date.UTC(2027, 9, 31, 1), westToEastMinutes: 60 },
    ]);
  });

  it('may cross midnight, and the end of the week', () => {
    expect(parseHours('Sun 22:00-02:00', year).windows).toEqual([
      { fromMinute: (6 * 24 + 22) * 60, toMinute: 7 * 24 * 60 },
      { fromMinute: 0, toMinute: 120 },
    ]);
    const { windows } = parseHours('Fri-Mon 06:00-07:00, Tue 00:00-24:00 UTC', year);
    expect(windows).toHaveLength(5);
    expect(formatHours({ zone: 'UTC', offsets: [], windows: windows.slice(3) })).toBe(
      'Mon 06:00-07:00, Tue 00:00-24:00 UTC',
    );
  });
});
