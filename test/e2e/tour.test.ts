/** What `npm start` shows, as a user starts it: it tells the truth, and nothing of it is left behind. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/launcher/runtime.js';
import { needs, until } from './harness/until.ts';

/** The tour on a machine that does nothing else takes half a minute. */
const TOUR_MS = 180_000;
const END_MS = 30_000;
/** Until the tour has begun its second chapter, in which instances start. */
const FORMING_MS = 60_000;

let folder: string;

beforeEach(() => {
  // Short: sockets below it have names of limited length.
  folder = mkdtempSync(join(tmpdir(), 'tour-'));
  for (const name of ['tmp', 'home']) mkdirSync(join(folder, name));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The tour, started as `npm start` starts it. */
function startTour(args: readonly string[]): { readonly child: ChildProcess; output(): string } {
  const env = { ...process.env, TMPDIR: join(folder, 'tmp'), HOME: join(folder, 'home') };
  const develop = join(packageRoot, 'src', 'launcher', 'develop.js');
  const child = spawn(process.execPath, [develop, 'start', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { child, output: () => Buffer.concat(chunks).toString() };
}

/** Files and processes of the tour that are still there. */
function leftovers(): readonly string[] {
  const tunnels = join(folder, 'home', '.pam', 'tunnels');
  return [...listed(join(folder, 'tmp')), ...listed(tunnels), ...processesOf(folder)];
}

function listed(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Command lines of processes that have this path in their environment; none where the system does not tell. */
function processesOf(path: string): readonly string[] {
  return listed('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((id) => {
      try {
        const isOurs = readFileSync(`/proc/${id}/environ`, 'utf8').includes(path);
        return isOurs ? [`${id} ${readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ')}`] : [];
      } catch {
        // It has ended meanwhile, or is another user's.
        return [];
      }
    });
}

describe('the tour', () => {
  it('with --once shows everything it promises, ends with 0 and leaves nothing behind', {
    timeout: TOUR_MS,
  }, async () => {
    const { child, output } = startTour(['--once']);
    const [code] = await once(child, 'close');
    const text = output();
    expect(text, text).toContain('all three hold a seat and see the same order');
    expect(text).toContain('30 connections are open, and each got its own bytes back');
    expect(text).toMatch(/they run on 3 of 3 instances \(\d+ \+ \d+ \+ \d+\)/);
    expect(text).toContain('3 running, limit 2: stop 1');
    expect(text).toContain('\nMaximum instances reached: 3 of 2 (this instance would be rank 3)\n');
    expect(text).toMatch(/gateway-4 .* admitted .* seat granted under limit version 3 \(max 4\)/);
    expect(text).toContain('gateway-5: waiting: 4 of 4 seats are held (limit version 3)');
    expect(text).toMatch(/\d+ connections ended with it; the other \d+ go on/);
    expect(text).toContain('new connections through the same tunnel');
    expect(text).toMatch(/the standby took the free seat \d+\.\d s after the kill/);
    expect(text).toContain('What the tour did not show');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what must not be there
    expect(text).not.toMatch(/\u001b/);
    expect(code, text).toBe(0);
    expect(leftovers()).toEqual([]);
  });

  it('that is interrupted ends everything it has started', { timeout: TOUR_MS }, async () => {
    const { child, output } = startTour([]);
    await until('instances are started', { within: FORMING_MS }, () => needs(/gateway-3\$/.test(output()), output()));
    child.kill('SIGINT');
    const ended = once(child, 'close', { signal: AbortSignal.timeout(END_MS) });
    expect(await ended, output()).toEqual([130, null]);
    expect(leftovers()).toEqual([]);
  });
});
