import {
  appendFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseEntry } from '../../src/audit/client.ts';
import { type AuditEvent, verifyDirectory } from '../../src/audit/index.ts';
import { filesOf, key, linesOf, numbered, openLog, useFolders, verify } from './open-log.ts';

const makeFolder = useFolders();
const check = (directory: string) => verifyDirectory(directory, { instanceId: key.id, verify });
const kindsOf = (directory: string) => linesOf(directory).map((line) => parseEntry(line)?.event?.kind ?? 'checkpoint');

/** A log of so many events that was closed in order. */
async function writeLog(directory: string, count: number, init = {}): Promise<void> {
  const log = await openLog(directory, init);
  for (let number = 1; number <= count; number++) {
    log.append(numbered(number));
    if (number % 10 === 0) await log.settled();
  }
  await log.close();
}

describe('a log', () => {
  it('ends with a checkpoint, holds and goes on after a restart', async () => {
    const directory = makeFolder();
    await writeLog(directory, 25);
    await writeLog(directory, 5);
    expect(await check(directory)).toMatchObject({ ok: true, events: 30, firstBadAt: null, torn: 0 });
    expect(kindsOf(directory).at(-1)).toBe('checkpoint');
    expect(filesOf(directory)).toHaveLength(1);
    expect(statSync(filesOf(directory)[0] ?? '').mode & 0o777).toBe(0o600);
  });

  it('that is closed in the middle of a write is whole and signed to its end', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const directory = makeFolder();
      const log = await openLog(directory);
      for (let number = 0; number < 3; number++) log.append(numbered(number));
      await log.settled();
      log.append(numbered(3));
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      await log.close();
      const report = await check(directory);
      expect(report, `closed after ${turns} turns`).toMatchObject({ ok: true, events: 4, torn: 0 });
      expect(report.signedThrough).toBe(report.lastSequence);
    }
  });

  it('acknowledges what is on disk, together for all who wait', async () => {
    const directory = makeFolder();
    const log = await openLog(directory);
    await Promise.all(Array.from({ length: 2000 }, (_, index) => log.appendNow(numbered(index))));
    expect(kindsOf(directory).filter((kind) => kind === 'limit-applied')).toHaveLength(2000);
    await log.close();
    await expect(log.appendNow(numbered(1))).rejects.toMatchObject({ code: 'storage-failed' });
    expect(await check(directory)).toMatchObject({ ok: true, events: 2000 });
  });

  it('is signed within seconds while it is open, without being asked', async () => {
    const log = await openLog(makeFolder());
    await log.appendNow(numbered(1));
    await log.appendNow(numbered(2));
    const newest = async () => {
      const { lines } = await log.page({ after: 0, most: 10, match: null });
      return new TextDecoder().decode(lines.at(-1));
    };
    await expect.poll(newest, { timeout: 4000 }).toContain('checkpoint');
    await log.close();
  });

  it('begins new files and removes the oldest, and still proves that nothing else is missing', async () => {
    const directory = makeFolder();
    await writeLog(directory, 400, { segmentBytesMax: 8192, segmentsKept: 3 });
    const files = filesOf(directory);
    expect(files.length).toBeLessThanOrEqual(3);
    const report = await check(directory);
    expect(report).toMatchObject({ ok: true });
    expect(report.firstSequence).toBeGreaterThan(100);
    rmSync(files[0] ?? '');
    expect(await check(directory)).toMatchObject({ ok: false, reason: expect.stringContaining('missing') });
  });

  it('lets strangers write so much and no more, and counts the rest', async () => {
    const directory = makeFolder();
    const log = await openLog(directory, { unixMs: () => 1_764_000_000_000 });
    const denied: AuditEvent = {
      kind: 'denied',
      caller: 'x',
      address: null,
      what: 'hello',
      code: 'not-allowed',
      reason: '',
    };
    for (let time = 0; time < 1000; time++) log.append(denied);
    await log.close();
    const kinds = kindsOf(directory);
    expect(kinds.filter((kind) => kind === 'denied')).toHaveLength(20);
    expect(linesOf(directory).find((line) => line.includes('more-of'))).toContain('"count":980');
  });

  it('writes no field that is secret, unknown or of another type', async () => {
    const directory = makeFolder();
    const log = await openLog(directory);
    const read = {
      recordId: 'r',
      revision: 'x',
      purpose: 'session',
      jobId: 'j',
      caller: 'c',
      outcome: 'read',
      value: 'hunter2',
    };
    log.append({ kind: 'credential-read', ...read });
    log.append({
      kind: 'draining',
      reason: 'a\nb\u0007',
      sessions: 'hunter2',
      password: 'hunter2',
    } as unknown as AuditEvent);
    await log.close();
    const text = linesOf(directory).join('\n');
    expect(text).not.toContain('hunter2');
    expect(text).toContain('"value":"[redacted]"');
    expect(text).toContain('"reason":"a b ","sessions":"[redacted]","password":"[redacted]"');
  });
});

describe('after a crash', () => {
  it('a torn last line is recognised, told, and the chain goes on', async () => {
    const directory = makeFolder();
    const log = await openLog(directory);
    await log.appendNow(numbered(1));
    const [path = ''] = filesOf(directory);
    appendFileSync(path, '{"sequence":3,"unixMs":17');
    const again = await openLog(directory);
    await again.appendNow(numbered(2));
    await again.close();
    await log.close().catch(() => undefined);
    expect(kindsOf(directory)).toContain('audit-torn');
    expect(await check(directory)).toMatchObject({ ok: true, torn: 1 });
  });

  it('so is one that was torn again while it was told', async () => {
    const directory = makeFolder();
    await writeLog(directory, 3);
    const [path = ''] = filesOf(directory);
    appendFileSync(path, '{"sequence":5,"uni\n{"sequence":5,"unixMs":1,"previous":"');
    await writeLog(directory, 2);
    expect(await check(directory)).toMatchObject({ ok: true, torn: 1, events: 6 });
  });

  it('a file that was made and holds nothing yet is begun again', async () => {
    const directory = makeFolder();
    await writeLog(directory, 60, { segmentBytesMax: 4096 });
    const last = Number(
      linesOf(directory)
        .at(-1)
        ?.match(/"sequence":(\d+)/)?.[1],
    );
    writeFileSync(join(directory, 'audit', `audit-${String(last + 1).padStart(16, '0')}.jsonl`), '');
    await writeLog(directory, 3);
    expect(await check(directory)).toMatchObject({ ok: true, events: 63 });
  });

  it('an end that was signed and is gone is named, and stays wrong', async () => {
    const directory = makeFolder();
    await writeLog(directory, 20);
    const [path = ''] = filesOf(directory);
    truncateSync(path, readFileSync(path, 'utf8').split('\n').slice(0, 10).join('\n').length + 1);
    expect(await check(directory)).toMatchObject({ ok: false, firstBadAt: 11 });
    await writeLog(directory, 3);
    expect(await check(directory)).toMatchObject({ ok: false, firstBadAt: 11 });
    expect(linesOf(directory).join('')).toContain('audit-damaged');
  });

  it('a log beside which nothing says any more how far it reached is not trusted', async () => {
    const directory = makeFolder();
    await writeLog(directory, 20);
    await writeLog(directory, 20);
    rmSync(join(directory, 'audit', 'head'));
    expect(await check(directory)).toMatchObject({ ok: false, reason: expect.stringContaining('head') });
  });

  it('a log that was removed altogether is missed', async () => {
    const directory = makeFolder();
    await writeLog(directory, 20);
    rmSync(filesOf(directory)[0] ?? '');
    await writeLog(directory, 3);
    expect(await check(directory)).toMatchObject({ ok: false, reason: 'entries 1 to 22 are missing' });
  });
});

describe.runIf(process.platform === 'linux')('a full disk', () => {
  it('is said, loses nothing that fits into memory, and is over when there is space', async () => {
    const directory = makeFolder();
    await writeLog(directory, 1);
    const failures: (string | null)[] = [];
    const log = await openLog(directory, { onFailure: (reason) => failures.push(reason) });
    // The file is opened with the first entry: until it is put back it is a device that is always full.
    const [path = ''] = filesOf(directory);
    renameSync(path, `${path}.kept`);
    symlinkSync('/dev/full', path);
    const full = { code: 'storage-failed', message: expect.stringContaining('ENOSPC') };
    await expect(log.appendNow(numbered(2))).rejects.toMatchObject(full);
    expect(log.failure).toContain('ENOSPC');
    renameSync(`${path}.kept`, path);
    await expect.poll(() => log.failure, { timeout: 4000 }).toBeNull();
    await log.close();
    expect(failures).toEqual([expect.stringContaining('ENOSPC'), null]);
    expect(kindsOf(directory)).toContain('audit-resumed');
    expect(await check(directory)).toMatchObject({ ok: true, events: 3 });
  });
});
