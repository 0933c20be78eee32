import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { type DataDirectory, openDataDirectory } from '../../src/config/index.ts';
import { failureOf, temporaryDirectories, writePrivate } from './temporary-directory.ts';

const newDirectory = temporaryDirectories();
/** Deadlines for real processes on a machine that has other things to do. */
const PROCESS_START_MS = 20_000;
const PROCESSES = { timeout: 60_000 };
const opened: DataDirectory[] = [];
const children: ChildProcess[] = [];
afterEach(() => {
  for (const directory of opened.splice(0)) directory.close();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function open(path: string, gatewayUid = 'gateway'): DataDirectory {
  const directory = openDataDirectory({
    path,
    gatewayUid,
    poolSecret: new Secret(new Uint8Array(32)),
    formerSecrets: [],
    unixMs: () => 1_800_000_000_000,
  });
  opened.push(directory);
  return directory;
}

/** What one start and clean stop was. */
function startOnce(path: string): {
  readonly instanceId: string;
  readonly incarnation: number;
  readonly warnings: readonly string[];
} {
  const { instanceId, incarnation, warnings, close } = open(path);
  close();
  return { instanceId, incarnation, warnings };
}

/** Another process on that directory, and the first line it says. */
async function openElsewhere(
  path: string,
): Promise<{ readonly child: ChildProcess; readonly said: Record<string, unknown> }> {
  const program = fileURLToPath(new URL('hold-directory.ts', import.meta.url));
  const child = spawn(process.execPath, [program, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = await once(createInterface({ input: child.stdout }), 'line', {
    signal: AbortSignal.timeout(PROCESS_START_MS),
  });
  return { child, said: JSON.parse(String(line)) };
}

/** Calls as a user whom permission bits stop: they do not stop root. */
function withoutPrivilege<T>(call: () => T): T {
  if (process.getuid?.() !== 0) return call();
  process.seteuid?.(65_534);
  try {
    return call();
  } finally {
    process.seteuid?.(0);
  }
}

describe('a data directory', () => {
  it('is made with everything in it for its owner alone', () => {
    const path = join(newDirectory(), 'deep', 'data');
    const directory = open(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(path))
      expect([file, statSync(join(path, file)).mode & 0o777]).toEqual([file, 0o600]);
    expect(directory).toMatchObject({ path, incarnation: 1, warnings: [] });
    expect(readFileSync(join(path, 'identity.key'))).toEqual(Buffer.from(directory.identity.reveal()));
  });

  it('keeps one identity and counts its starts', () => {
    const path = join(newDirectory(), 'data');
    const starts = [startOnce(path), startOnce(path), startOnce(path)];
    expect(starts.map(({ incarnation }) => incarnation)).toEqual([1, 2, 3]);
    expect(new Set(starts.map(({ instanceId }) => instanceId)).size).toBe(1);
    expect(startOnce(join(newDirectory(), 'data')).instanceId).not.toBe(starts[0]?.instanceId);
  });

  it('refuses a second process, says who has it, and is free the moment that one is killed', PROCESSES, async () => {
    const path = join(newDirectory(), 'data');
    const first = await openElsewhere(path);
    expect(first.said).toMatchObject({ open: true, incarnation: 1 });
    const refused = failureOf(() => open(path));
    expect(refused.code).toBe('data-directory');
    expect(refused.text).toContain(
      `data directory ${path} is in use by process ${first.child.pid}. Stop that one first`,
    );
    expect((await openElsewhere(path)).said).toMatchObject({ open: false, message: expect.stringContaining('in use') });
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    expect(open(path)).toMatchObject({ instanceId: first.said['instanceId'], incarnation: 2 });
  });

  it('refuses a second opening in one process, and none after it is closed', () => {
    const path = join(newDirectory(), 'data');
    const first = open(path);
    expect(failureOf(() => open(path)).text).toContain(`in use by process ${process.pid}`);
    first.close();
    expect(open(path).incarnation).toBe(2);
  });

  it('starts of several processes at one instant leave exactly one with it', PROCESSES, async () => {
    const path = join(newDirectory(), 'data');
    const all = await Promise.all(Array.from({ length: 4 }, () => openElsewhere(path)));
    expect(all.filter(({ said }) => said['open'] === true)).toHaveLength(1);
  });

  it.each([
    ['the counter is lost', (path: string) => rmSync(join(path, 'incarnation'))],
    ['the counter is damaged', (path: string) => writeFileSync(join(path, 'incarnation'), 'garbage')],
    ['the counter is empty', (path: string) => writeFileSync(join(path, 'incarnation'), '')],
  ])('goes on with a later number and a warning when %s', (_, damage) => {
    const path = join(newDirectory(), 'data');
    startOnce(path);
    damage(path);
    const start = startOnce(path);
    expect(start.incarnation).toBe(1_800_000_000);
    expect(start.warnings).toEqual([expect.stringContaining(`${join(path, 'incarnation')} was missing or damaged`)]);
    expect(startOnce(path)).toMatchObject({ incarnation: 1_800_000_001, warnings: [] });
  });

  it.each([
    [
      'its key has the wrong size',
      (path: string) => writePrivate(join(path, 'identity.key'), 'short'),
      'identity.key has 5 bytes; an instance key has 32',
    ],
    [
      'its key can be read by others',
      (path: string) => chmodSync(join(path, 'identity.key'), 0o644),
      'Run: chmod 600 ',
    ],
    ['others may write to it', (path: string) => chmodSync(path, 0o770), 'Run: chmod 700 '],
  ])('is refused when %s', (_, damage, expected) => {
    const path = join(newDirectory(), 'data');
    startOnce(path);
    damage(path);
    const { code, text } = failureOf(() => open(path));
    expect(code).toBe('data-directory');
    expect(text).toContain(expected);
  });

  it('is refused when it is a file or below one', () => {
    const file = writePrivate(join(newDirectory(), 'file'), '');
    expect(failureOf(() => open(file)).text).toContain(`data directory ${file} is not a directory`);
    expect(failureOf(() => open(join(file, 'data'))).text).toContain(
      'cannot be made (ENOTDIR). Choose one with --data-dir',
    );
  });

  it('is refused when this user may not write to it', () => {
    const path = newDirectory();
    chmodSync(path, 0o500);
    const { code, text } = withoutPrivilege(() => failureOf(() => open(path)));
    expect(code).toBe('data-directory');
    expect(text).toContain(path);
    expect(text).toContain('EACCES');
  });

  it('of another gateway is refused and stays as it was', () => {
    const path = join(newDirectory(), 'data');
    startOnce(path);
    const { text } = failureOf(() => open(path, 'another'));
    expect(text).toContain(`data directory ${path} belongs to gateway gateway; the configuration is of another`);
    expect(startOnce(path).incarnation).toBe(2);
  });

  it('copied has the same identity: noticing that is for the pool', () => {
    const path = join(newDirectory(), 'data');
    const { instanceId } = startOnce(path);
    const copy = join(newDirectory(), 'copy');
    cpSync(path, copy, { recursive: true });
    expect(open(path).instanceId).toBe(instanceId);
    expect(open(copy).instanceId).toBe(instanceId);
  });
});
