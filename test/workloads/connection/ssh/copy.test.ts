import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_CONDITIONS } from '../../../../src/wire/grant.ts';
import { connectAdmin, GRANT_OF_NOTHING, soon } from '../../../access/pool.ts';
import { residentMib } from '../../../e2e/harness/memory.ts';
import { scaled } from '../../../e2e/harness/scale.ts';
import { needs, until } from '../../../e2e/harness/until.ts';
import { sshServerMissing } from './ssh-server.ts';
import { follow, SshWorld } from './ssh-world.ts';

const LARGE_MIB = scaled({ usual: 128, full: 512 });
let world: SshWorld;
let here: string;
let home: string;

/** Writes so many MiB of bytes that repeat nowhere within a packet; the answer is their checksum. */
function writeLarge(path: string, mib: number): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'w');
  const piece = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < mib; at++) {
    for (let word = 0; word < piece.length; word += 4) piece.writeUInt32LE((word * 2_654_435_761 + at) >>> 0, word);
    hash.update(piece);
    writeSync(file, piece);
  }
  closeSync(file);
  return hash.digest('hex');
}

function checksum(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  const piece = Buffer.alloc(1024 * 1024);
  for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) hash.update(piece.subarray(0, read));
  closeSync(file);
  return hash.digest('hex');
}

function attempt(figure: () => number): number {
  try {
    return figure();
  } catch {
    return 0;
  }
}

/** Until a copy to this name has begun at the target: its part is there. */
function untilBegun(name: string): Promise<void> {
  const isThere = (): boolean => readdirSync(home).some((entry) => entry.startsWith(`.${name}.`));
  return until(`${name} is being written`, { within: 20_000, every: 10 }, () => needs(isThere(), 'no part yet'));
}

/** What the last recording of a title shows, as lines. */
async function recorded(title: string): Promise<readonly string[]> {
  const [summary] = (await world.archive.list()).filter(({ info }) => info.recordTitle === title);
  const reader = await world.archive.open(summary?.info.id ?? '');
  let text = '';
  for await (const chunk of reader.text()) text += chunk;
  await reader.close();
  return text.split('\n').flatMap((line) => (line.startsWith('[') ? [JSON.parse(line)[2].trim()] : []));
}

const leftovers = (folder: string): readonly string[] => readdirSync(folder).filter((name) => name.endsWith('.part'));

describe.skipIf(sshServerMissing() !== undefined)('pam cp', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    world = await SshWorld.start();
    world.addRecord('web-1');
    here = join(world.folder, 'here');
    ({ home } = world.server);
    mkdirSync(here);
  }, 60_000);
  afterAll(() => world?.stop());

  it('carries a large file both ways as it is, in little memory', async () => {
    const [sent, back] = [join(here, 'large'), join(here, 'large.back')];
    const sum = writeLarge(sent, LARGE_MIB);
    const child = world.startPam(['cp', '--json', sent, 'web-1:large']);
    let mostMib = 0;
    const look = setInterval(() => {
      // A process that has just ended has no memory.
      const now = child.exitCode === null ? attempt(() => residentMib(child.pid ?? 0)) : 0;
      mostMib = Math.max(mostMib, now);
    }, 50);
    const up = await follow(child).finally(() => clearInterval(look));
    expect(up, up.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(up.stdout)).toMatchObject({ files: 1, bytes: LARGE_MIB * 1024 * 1024, problems: 0 });
    expect(checksum(join(home, 'large'))).toBe(sum);
    const down = await world.pam(['cp', 'web-1:large', back]);
    expect(down, down.stderr).toMatchObject({ code: 0, stdout: '' });
    expect(down.stderr).toMatch(new RegExp(`1 file, ${LARGE_MIB}(\\.0)? MiB in `));
    expect(checksum(back)).toBe(sum);
    expect(mostMib).toBeLessThan(300);
  });

  it('is recorded with each file and its size, and not with what is in it', async () => {
    world.addRecord('noted');
    writeFileSync(join(here, 'note'), 'content-of-the-note');
    expect(await world.pam(['cp', join(here, 'note'), 'noted:note'])).toMatchObject({ code: 0 });
    const lines = await recorded('noted');
    expect(lines[0]).toMatch(/^\.note\.\w+\.part: written 19 bytes$/);
    expect(lines[1]).toMatch(/^renamed \.note\.\w+\.part to note$/);
    expect(await world.pam(['cp', 'noted:note', join(here, 'note.back')])).toMatchObject({ code: 0 });
    expect(await recorded('noted')).toEqual(['note: read 19 bytes']);
    expect(readFileSync(join(here, 'note.back'), 'utf8')).toBe('content-of-the-note');
  });

  it('carries folders, keeps times and permissions with -p, and follows links to files only', async () => {
    const tree = join(here, 'tree');
    mkdirSync(join(tree, 'deep', 'empty'), { recursive: true });
    writeFileSync(join(tree, 'deep', 'grün 1'), 'one');
    writeFileSync(join(tree, 'nothing'), '');
    symlinkSync('deep/grün 1', join(tree, 'link'));
    symlinkSync('..', join(tree, 'circle'));
    chmodSync(join(tree, 'deep', 'grün 1'), 0o741);
    utimesSync(join(tree, 'deep', 'grün 1'), 1_000_000_000, 1_100_000_000);
    utimesSync(join(tree, 'deep'), 1_000_000_000, 1_200_000_000);
    const up = await world.pam(['cp', '-rp', tree, 'web-1:']);
    expect(up, up.stderr).toMatchObject({ code: 0 });
    expect(up.stderr).toContain(`left out: ${tree}/circle leads to another folder`);
    symlinkSync('..', join(home, 'tree', 'circle'));
    const down = await world.pam(['cp', '-r', '-p', 'web-1:tree', join(here, 'tree.back')]);
    expect(down, down.stderr).toMatchObject({ code: 0 });
    expect(down.stderr).toContain('left out: web-1:tree/circle leads to another folder');
    for (const place of [join(home, 'tree'), join(here, 'tree.back')]) {
      expect(readFileSync(join(place, 'deep', 'grün 1'), 'utf8')).toBe('one');
      expect(readFileSync(join(place, 'link'), 'utf8')).toBe('one');
      expect(readdirSync(join(place, 'deep', 'empty'))).toEqual([]);
      const { mode, mtimeMs } = statSync(join(place, 'deep', 'grün 1'));
      expect([mode & 0o777, mtimeMs]).toEqual([0o741, 1_100_000_000_000]);
      expect(statSync(join(place, 'deep')).mtimeMs).toBe(1_200_000_000_000);
    }
  });

  it('takes several sources, replaces what is there, and keeps its permissions', async () => {
    const names = ['a', 'b'].map((name) => join(here, name));
    for (const name of names) writeFileSync(name, `new ${name}`);
    mkdirSync(join(home, 'several'));
    writeFileSync(join(home, 'several', 'a'), 'old');
    chmodSync(join(home, 'several', 'a'), 0o640);
    execFileSync('chown', ['-R', world.server.user, join(home, 'several')]);
    expect(await world.pam(['cp', ...names, 'web-1:several/'])).toMatchObject({ code: 0 });
    expect(readFileSync(join(home, 'several', 'a'), 'utf8')).toBe(`new ${names[0]}`);
    expect(statSync(join(home, 'several', 'a')).mode & 0o777).toBe(0o640);
    expect(leftovers(join(home, 'several'))).toEqual([]);
  });

  it('reads what has no size, and what grows no further', async () => {
    const down = await world.pam(['cp', 'web-1:/proc/self/status', join(here, 'status')]);
    expect(down, down.stderr).toMatchObject({ code: 0 });
    expect(readFileSync(join(here, 'status'), 'utf8')).toContain('VmRSS');
  });

  it.each([
    ['no such file here', ['HERE/missing', 'web-1:'], 1, /cannot read .*\/missing: no such file or folder/],
    ['no such file there', ['web-1:missing', 'HERE'], 1, /cannot read web-1:missing: no such file or folder/],
    [
      'no such folder there',
      ['HERE/a', 'web-1:no/such/'],
      1,
      /cannot write to web-1:no\/such\/: there is no such folder/,
    ],
    ['not allowed there to write', ['HERE/a', 'web-1:/etc/a'], 1, /cannot write web-1:\/etc\/a: permission denied/],
    [
      'not allowed there to read',
      ['web-1:/etc/shadow', 'HERE'],
      1,
      /cannot read web-1:\/etc\/shadow: permission denied/,
    ],
    ['no such folder here', ['web-1:large', 'HERE/no/such'], 1, /cannot write .*\/no\/such: no such file or folder/],
    ['a folder without -r', ['HERE', 'web-1:'], 2, /is a folder\nCopy it with -r/],
    ['no such record', ['HERE/a', 'web-9:'], 1, /Record "web-9" not found/],
  ])('says what is wrong: %s', async (_, places, code, stderr) => {
    const result = await world.pam(['cp', ...places.map((place) => place.replace('HERE', here))]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(stderr);
    expect([...leftovers(here), ...leftovers(home)]).toEqual([]);
  });

  it('says whose disk is full, and leaves nothing half', async () => {
    const [small, smallHere] = [join(home, 'small'), join(here, 'small')];
    for (const folder of [small, smallHere]) {
      mkdirSync(folder);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0777', 'tmpfs', folder]);
    }
    try {
      const up = await world.pam(['cp', join(here, 'large'), 'web-1:small/']);
      expect(up.stderr).toMatch(
        /cannot write web-1:small\/large: no space left on the target's disk \(\d+ bytes free\)/,
      );
      const down = await world.pam(['cp', 'web-1:large', smallHere]);
      expect(down.stderr).toMatch(/cannot write .*\/small\/large: no space left on the disk here/);
      expect([up.code, down.code, readdirSync(small), readdirSync(smallHere)]).toEqual([1, 1, [], []]);
    } finally {
      for (const folder of [small, smallHere]) execFileSync('umount', ['-l', folder]);
    }
  });

  it('goes on after a file that cannot be copied, and ends with 1', async () => {
    const mixed = join(home, 'mixed');
    mkdirSync(mixed);
    for (const name of ['readable', 'secret']) writeFileSync(join(mixed, name), name);
    chmodSync(join(mixed, 'secret'), 0o600);
    const { code, stderr } = await world.pam(['cp', '-r', 'web-1:mixed', here]);
    expect(code).toBe(1);
    expect(stderr).toContain('error: cannot read web-1:mixed/secret: permission denied');
    expect(stderr).toContain('1 file, 8 B in ');
    expect(readdirSync(join(here, 'mixed'))).toEqual(['readable']);
  });

  it('is not allowed where the record or the grant forbids files', async () => {
    world.addRecord('no-files', { labels: { 'session.file-transfer': 'off' } });
    const byRecord = await world.pam(['cp', join(here, 'a'), 'no-files:']);
    expect(byRecord.code).toBe(4);
    expect(byRecord.stderr).toContain('file transfer is not allowed on "no-files": the record forbids it');
    world.pool.grant = { ...GRANT_OF_NOTHING, conditions: { ...NO_CONDITIONS, fileTransferForbidden: true } };
    try {
      const byGrant = await world.pam(['cp', join(here, 'a'), 'web-1:']);
      expect(byGrant.code).toBe(4);
      expect(byGrant.stderr).toContain('the grant of alice forbids it');
    } finally {
      world.pool.grant = null;
    }
  });

  it('whose session is ended for it says why, and what stays', async () => {
    const child = world.startPam(['cp', join(here, 'large'), 'web-1:cut']);
    const ran = follow(child);
    await untilBegun('cut');
    const client = await connectAdmin(world.members);
    const [jobId = ''] = [...world.pool.jobs].filter(([, { state }]) => state === 'running').map(([id]) => id);
    await client.request({ kind: 'job-cancel', jobId, reason: 'maintenance begins' }, 'done', soon());
    await client.stop();
    const { code, stderr } = await ran;
    const [part = ''] = leftovers(home);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `error: session ended (terminated): maintenance begins\nWhat was written stays there as web-1:${part}.\n`,
    );
    rmSync(join(home, part));
  });

  it('that is ended says why, and takes away what was half', async () => {
    const child = world.startPam(['cp', join(here, 'large'), 'web-1:killed']);
    const ran = follow(child);
    await untilBegun('killed');
    child.kill('SIGTERM');
    expect(await ran).toMatchObject({ code: 1 });
    expect([leftovers(home), existsSync(join(home, 'killed'))]).toEqual([[], false]);
  });
});
