/** The live screen on a real terminal. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ControlService, startControl } from '../../../src/api/index.ts';
import { sourceOf } from '../../api/pool.ts';

const DEADLINE_MS = 30_000;
const hasTmux = spawnSync('tmux', ['-V']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'watch-'));
/** A server of its own for every test: one that is ending takes no new session. */
let tmuxSocket = '';
let tests = 0;
const main = fileURLToPath(new URL('../../../src/cli/gateway/main.ts', import.meta.url));
let service: ControlService;

function tmux(...args: readonly string[]): string {
  return spawnSync('tmux', ['-S', tmuxSocket, '-f', '/dev/null', ...args], { encoding: 'utf8' }).stdout;
}

/** The screen, once it shows what is waited for. */
async function screenWith(wanted: RegExp): Promise<string> {
  const untilMs = performance.now() + DEADLINE_MS;
  for (;;) {
    const screen = tmux('capture-pane', '-p');
    if (wanted.test(screen)) return screen;
    if (performance.now() > untilMs) throw new Error(`never saw ${wanted}:\n${screen}`);
    await delay(50);
  }
}

async function watch(): Promise<string> {
  const command = `${process.execPath} ${main} debug watch --data-dir ${folder}; echo "left with $?"`;
  tests += 1;
  tmuxSocket = join(folder, `tmux-${tests}`);
  tmux('new-session', '-d', '-x', '120', '-y', '24', 'sh');
  tmux('send-keys', 'echo before', 'Enter', command, 'Enter');
  return screenWith(/^POOL prod-eu/m);
}

beforeAll(async () => {
  service = await startControl(sourceOf(folder));
});

afterEach(() => {
  tmux('kill-server');
});

afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!hasTmux)('gateway debug watch', { timeout: 60_000 }, () => {
  it('shows the pool on a screen of its own', async () => {
    const screen = await watch();
    expect(screen.split('\n')[0]).toMatch(/^POOL prod-eu .* limit 2 \(v7/);
    expect(screen).toMatch(/gw-a \(self\).*admitted/);
    expect(screen).not.toContain('echo before');
  });

  it.each([
    ['q', 'q'],
    ['Ctrl-C', 'C-c'],
    ['Escape', 'Escape'],
  ])('is left with %s, and what was there before is there again', async (_, key) => {
    await watch();
    tmux('send-keys', key);
    const screen = await screenWith(/left with 0$/m);
    expect(screen).toContain('echo before');
    expect(screen).not.toContain('POOL');
    expect(tmux('display-message', '-p', '#{cursor_flag}').trim()).toBe('1');
  });

  it('follows the size of the terminal at once', async () => {
    await watch();
    tmux('resize-window', '-x', '60', '-y', '10');
    const narrow = await screenWith(/gw-d-w.*…/);
    expect(narrow.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
  });

  it('keeps its last picture and says so when the instance is gone', async () => {
    await watch();
    await service.stop();
    try {
      await screenWith(/^not of now: no instance runs/m);
    } finally {
      service = await startControl(sourceOf(folder));
    }
    await screenWith(/^POOL prod-eu.*\n3 running/m);
  });
});
