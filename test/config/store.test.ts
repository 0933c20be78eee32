import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import { openStore, type Store } from '../../src/config/index.ts';
import { mustSurvivePowerCut, type Stored } from '../../src/core/index.ts';
import type { JobNotice } from '../../src/wire/job.ts';
import { failureOf, temporaryDirectories } from './temporary-directory.ts';

const newDirectory = temporaryDirectories();
const stores: Store[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

const NOW = 1_800_000_000_000;
const worker = keyPairFromSeed(new Uint8Array(32).fill(1)).id;

function open(directory: string, options: { readonly unixMs?: number; readonly gatewayUid?: string } = {}): Store {
  const store = openStore({
    directory,
    gatewayUid: options.gatewayUid ?? 'gateway',
    unixMs: () => options.unixMs ?? NOW,
  });
  stores.push(store);
  return store;
}

/** Closes the store and opens it anew, as a restart does. */
function reopen(store: Store, directory: string, unixMs = NOW): Store {
  store.close();
  return open(directory, { unixMs });
}

function job(
  id: number,
  change: Partial<JobNotice> & { readonly deadlineUnixMs?: number } = {},
): Extract<Stored, { kind: 'job' }> {
  const { deadlineUnixMs = NOW + 30_000, ...notice } = change;
  return {
    kind: 'job',
    deadlineUnixMs,
    notice: {
      jobId: String(id).padStart(22, '0'),
      kind: 'tunnel',
      recordId: 'r',
      parent: null,
      caller: worker,
      state: 'running',
      entry: worker,
      worker,
      submittedUnixMs: NOW,
      startedUnixMs: NOW,
      endedUnixMs: null,
      error: null,
      bytesIn: 0,
      bytesOut: 2 ** 40,
      progress: null,
      ...notice,
    },
  };
}
const limit = (number: number): Stored => ({ kind: 'limit', sealed: new Uint8Array([1, number >> 8, number & 255]) });
const policy = (number: number): Stored => ({ kind: 'policy', sealed: new Uint8Array([100 + number]), kept: false });
const stamp = (unixMs: number) => ({ unixMs, counter: 3 });

describe('the store', () => {
  it('remembers everything it was told, across a restart', () => {
    const directory = newDirectory();
    const store = open(directory);
    const seat = { limitVersion: 2, maxInstances: 3, grantedAt: stamp(5), handedOverBy: worker };
    store.write([
      limit(1),
      limit(2),
      { kind: 'policy', sealed: new Uint8Array([7]), kept: true },
      ...Array.from({ length: 20 }, (_, number) => policy(number)),
      { kind: 'record', recordId: 'b', sealed: new Uint8Array([1]) },
      { kind: 'record', recordId: 'a', sealed: new Uint8Array([2]) },
      { kind: 'record', recordId: 'b', sealed: new Uint8Array([3]) },
      { kind: 'credentials', recordId: 'a', sealed: [new Uint8Array([4]), new Uint8Array([5])] },
      { kind: 'credentials', recordId: 'b', sealed: [new Uint8Array([6])] },
      { kind: 'credentials', recordId: 'b', sealed: [] },
      { kind: 'council', version: 1, members: [] },
      { kind: 'council', version: 2, members: [worker] },
      { kind: 'due', recordId: 'r1', dueUnixMs: 4000, owner: worker, begun: true },
      { kind: 'due', recordId: 'r1', dueUnixMs: 5000, owner: worker, begun: true },
      { kind: 'self', joinedAt: stamp(4), seat: null },
      { kind: 'self', joinedAt: stamp(4), seat },
      job(1),
      job(2, { error: { code: 'target-refused', message: 'no' } }),
      job(1, { state: 'succeeded', endedUnixMs: NOW + 5 }),
    ]);
    store.rememberAddresses(['/ip4/192.0.2.1/tcp/7400', 'b:1']);
    const again = reopen(store, directory);
    expect(again.remembered()).toEqual({
      council: { version: 2, members: [worker] },
      dues: [{ recordId: 'r1', dueUnixMs: 5000, owner: worker, begun: true }],
      limits: [new Uint8Array([1, 0, 1]), new Uint8Array([1, 0, 2])],
      // The one that changed the admins, and the newest.
      policies: [7, ...Array.from({ length: 16 }, (_, number) => number + 4 + 100)].map(
        (byte) => new Uint8Array([byte]),
      ),
      records: [new Uint8Array([2]), new Uint8Array([3])],
      credentials: [new Uint8Array([4]), new Uint8Array([5])],
      self: { joinedAt: stamp(4), seat },
      jobs: [
        job(1, { state: 'succeeded', endedUnixMs: NOW + 5 }),
        job(2, { error: { code: 'target-refused', message: 'no' } }),
      ].map(({ notice, deadlineUnixMs }) => ({ notice, deadlineUnixMs })),
    });
    expect(again.addresses()).toEqual(['/ip4/192.0.2.1/tcp/7400', 'b:1']);
    expect(again.warnings).toEqual([]);
    again.rememberAddresses([]);
    expect(again.addresses()).toEqual([]);
  });

  it('begins empty', () => {
    expect(open(newDirectory()).remembered()).toEqual({
      council: null,
      dues: [],
      limits: [],
      policies: [],
      records: [],
      credentials: [],
      self: null,
      jobs: [],
    });
  });

  it('writes a batch whole or not at all', () => {
    const store = open(newDirectory());
    const broken: Stored = { kind: 'record', recordId: 'x', sealed: JSON.parse('null') };
    expect(failureOf(() => store.write([limit(1), broken])).code).toBe('storage-failed');
    expect(store.remembered().limits).toEqual([]);
    store.write([limit(2)]);
    expect(store.remembered().limits).toHaveLength(1);
  });

  it('says so when it cannot write', () => {
    const store = open(newDirectory());
    store.close();
    const { code, text } = failureOf(() => store.write([limit(1)]));
    expect(code).toBe('storage-failed');
    expect(text).toContain('the data directory could not be written');
  });

  it('is durable when write returns: a copy taken without closing has it', () => {
    const directory = newDirectory();
    const store = open(directory);
    store.write([limit(1), job(1)]);
    const reader = new DatabaseSync(join(directory, 'store.sqlite'), { readOnly: true });
    expect(reader.prepare('SELECT count(*) AS count FROM limits').get()).toEqual({ count: 1 });
    expect(reader.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    reader.close();
  });

  it('keeps the newest 256 limits and 256 addresses', () => {
    const store = open(newDirectory());
    for (let number = 1; number <= 300; number++) store.write([limit(number)]);
    const kept = store.remembered().limits;
    expect(kept).toHaveLength(256);
    expect(kept.at(-1)).toEqual(new Uint8Array([1, 1, 44]));
    store.rememberAddresses(Array.from({ length: 300 }, (_, index) => `host-${index}:1`));
    expect(store.addresses()).toHaveLength(256);
  });

  it('forgets ended jobs beyond the newest 2000, never a running one, and no id before deadline and five minutes', () => {
    const directory = newDirectory();
    const store = open(directory);
    const ended = (id: number, deadlineUnixMs: number) =>
      job(id, { state: 'succeeded', endedUnixMs: NOW + id, deadlineUnixMs });
    const past = NOW - 5 * 60_000 - 1;
    store.write([job(0, { deadlineUnixMs: past })]);
    store.write(Array.from({ length: 2500 }, (_, index) => ended(index + 1, index < 100 ? NOW - 5 * 60_000 : past)));
    const ids = reopen(store, directory)
      .remembered()
      .jobs.map(({ notice }) => Number(notice.jobId));
    expect(ids).toEqual([
      0,
      ...Array.from({ length: 100 }, (_, index) => index + 1),
      ...Array.from({ length: 2000 }, (_, index) => index + 501),
    ]);
  });

  it('stays bounded while jobs keep ending', () => {
    const directory = newDirectory();
    const store = open(directory, { unixMs: NOW + 3_600_000 });
    for (let batch = 0; batch < 80; batch++) {
      store.write(
        Array.from({ length: 64 }, (_, index) =>
          job(batch * 64 + index, { state: 'failed', endedUnixMs: NOW + batch }),
        ),
      );
    }
    expect(store.remembered().jobs.length).toBeLessThan(2000 + 1024 + 64);
  });
});

describe('a damaged store', () => {
  it.each<readonly [string, (path: string) => void]>([
    ['garbage', (path) => writeFileSync(path, 'x'.repeat(8192))],
    ['cut in the middle of a page', (path) => writeFileSync(path, 'SQLite format 3\0')],
    [
      'overwritten inside',
      (path) => {
        const database = new DatabaseSync(path);
        database.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE');
        database.close();
        overwrite(path);
      },
    ],
  ])('that is %s is set aside, named in a warning, and replaced by a working one', (_, damage) => {
    const directory = newDirectory();
    const path = join(directory, 'store.sqlite');
    const first = open(directory);
    first.write(Array.from({ length: 500 }, (_, index) => job(index)));
    first.close();
    damage(path);
    const store = open(directory);
    expect(store.warnings).toEqual([expect.stringContaining(`${path} was damaged and is now ${path}.damaged-1`)]);
    store.write([limit(1)]);
    store.close();
    damage(path);
    const again = open(directory);
    expect(again.warnings).toEqual([expect.stringContaining('.damaged-2')]);
    expect(readdirSync(directory).filter((file) => /damaged-\d$/.test(file))).toEqual([
      'store.sqlite.damaged-1',
      'store.sqlite.damaged-2',
    ]);
  });

  it('with single rows that cannot be read leaves those out and says so', () => {
    const directory = newDirectory();
    const store = open(directory);
    store.write([job(1), job(2), { kind: 'self', joinedAt: stamp(1), seat: null }]);
    store.close();
    const database = new DatabaseSync(join(directory, 'store.sqlite'));
    database.exec(
      `UPDATE jobs SET row = x'00' WHERE id LIKE '%1'; UPDATE facts SET value = 'text' WHERE name = 'self'`,
    );
    database.close();
    const again = open(directory);
    expect(again.remembered()).toMatchObject({ self: null, jobs: [{ notice: { jobId: job(2).notice.jobId } }] });
    expect(again.warnings).toEqual([
      expect.stringContaining("this instance's own place in the store cannot be read"),
      expect.stringContaining('a job in the store cannot be read'),
    ]);
  });

  it('of a newer version is refused and stays as it is', () => {
    const directory = newDirectory();
    open(directory).close();
    const database = new DatabaseSync(join(directory, 'store.sqlite'));
    database.exec('PRAGMA user_version = 2');
    database.close();
    const { code, text } = failureOf(() => open(directory));
    expect(code).toBe('data-directory');
    expect(text).toContain('was written by a newer version (format 2; this one knows 1). Upgrade');
    expect(readdirSync(directory)).toEqual(['store.sqlite']);
  });
});

/** Everything behind the first page, as a failing disk might leave it. */
function overwrite(path: string): void {
  const database = new DatabaseSync(path, { readOnly: true });
  const pages = Number(database.prepare('PRAGMA page_count').get()?.['page_count']);
  const size = Number(database.prepare('PRAGMA page_size').get()?.['page_size']);
  database.close();
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc((pages - 1) * size, 0xff), 0, (pages - 1) * size, size);
  closeSync(file);
}

describe('a write that counts as stored', () => {
  it.each([
    ['a limit', limit(1), true],
    ["the instance's own place", { kind: 'self', joinedAt: stamp(1), seat: null }, true],
    ['a rotation', job(1, { kind: 'rotation' }), true],
    ['a discovery', job(1, { kind: 'discovery' }), true],
    ['a tunnelled connection', job(1, { kind: 'tunnel' }), false],
    ['a connection', job(1, { kind: 'connection' }), false],
  ] as const)('survives a power cut or only the end of the process: %s, %#', (_what, stored, survives) =>
    expect(mustSurvivePowerCut(stored)).toBe(survives),
  );

  it('survives the end of the process, whatever it is', () => {
    const directory = newDirectory();
    const script = `
      import { openStore } from '${new URL('../../src/config/index.ts', import.meta.url).href}';
      const store = openStore({ directory: ${JSON.stringify(directory)}, gatewayUid: 'gateway', unixMs: () => ${NOW} });
      store.write([JSON.parse(${JSON.stringify(JSON.stringify(job(7)))})]);
      process.kill(process.pid, 'SIGKILL');`;
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', script]);
    expect(signal).toBe('SIGKILL');
    expect(
      open(directory)
        .remembered()
        .jobs.map(({ notice }) => notice.jobId),
    ).toEqual([job(7).notice.jobId]);
  });
});
