/** Completion scripts, asked by the shells themselves where they are installed. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatCompletion } from '../../../src/cli/frame/completion.ts';
import type { Terminal } from '../../../src/cli/frame/terminal.ts';
import { assembleGateway } from '../../../src/cli/gateway/program.ts';
import { assemblePam } from '../../../src/cli/pam/program.ts';
import { styleOf } from '../golden.ts';

const terminal: Terminal = {
  env: {},
  signal: new AbortController().signal,
  print: () => undefined,
  printJson: () => undefined,
  note: () => undefined,
  style: () => styleOf(80),
};
const pam = await assemblePam(terminal);
const gateway = await assembleGateway(terminal, ['completion']);

const folder = mkdtempSync(join(tmpdir(), 'completion-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function hasShell(shell: string): boolean {
  return spawnSync(shell, ['-c', 'true']).status === 0;
}

/** What bash offers after these words. */
function askBash(program: string, script: string, words: readonly string[]): readonly string[] {
  const line = [program, ...words].map((word) => `'${word}'`).join(' ');
  const ask = `${script}\nCOMP_WORDS=(${line})\nCOMP_CWORD=${words.length}\n_${program}_completion\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  return spawnSync('bash', ['-c', ask], { encoding: 'utf8' }).stdout.trimEnd().split('\n');
}

describe.skipIf(!hasShell('bash'))('bash', () => {
  it.each([
    [['']],
    [['gate']],
    [['gateway', 'set']],
    [['gateway', 'set-max-instances', '--ga']],
    [['record', 'add', '--title', 'gateway', '--po']],
    [['tunnel', 'start', 'web-1', '--profile', 'x', '--fore']],
  ])('completes pam %j', (words) => {
    const offered = askBash('pam', formatCompletion(pam, 'bash'), words);
    const begun = words.at(-1) ?? '';
    expect(offered.length).toBeGreaterThan(0);
    for (const word of offered) expect(word.startsWith(begun) && word !== '').toBe(true);
  });

  it('offers the flags that come from the settings', () => {
    expect(askBash('gateway', formatCompletion(gateway, 'bash'), ['start', '--listen'])).toEqual([
      '--listen-mesh',
      '--listen-access',
    ]);
    expect(askBash('gateway', formatCompletion(gateway, 'bash'), ['debug', 'a'])).toEqual(['admission']);
  });
});

describe.skipIf(!hasShell('fish'))('fish', () => {
  it.each([
    ['pam gateway set', ['set-max-instances']],
    ['pam record add --por', ['--port']],
    ['pam action job', ['job-cancel', 'job-info']],
    ['gateway debug a', ['admission']],
  ])('completes "%s"', (line, expected) => {
    const script = formatCompletion(line.startsWith('pam') ? pam : gateway, 'fish');
    writeFileSync(join(folder, 'fish'), script);
    const asked = spawnSync('fish', ['-c', `source ${join(folder, 'fish')}; complete -C '${line}'`], {
      encoding: 'utf8',
    });
    const words = asked.stdout
      .trimEnd()
      .split('\n')
      .map((offer) => offer.split('\t')[0]);
    expect(asked.stderr).toBe('');
    expect(words.sort()).toEqual(expected);
  });
});

describe.skipIf(!hasShell('zsh'))('zsh', () => {
  it('takes both scripts', () => {
    for (const program of [pam, gateway]) {
      writeFileSync(join(folder, 'zsh'), formatCompletion(program, 'zsh'));
      const checked = spawnSync('zsh', ['-n', join(folder, 'zsh')], { encoding: 'utf8' });
      expect(checked).toMatchObject({ status: 0, stderr: '' });
    }
  });
});
