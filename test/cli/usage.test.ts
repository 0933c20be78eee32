/** Wrong command lines, each wrong in one way, and what both programs answer. One of each kind of end also runs as the process it is. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { assembleGateway } from '../../src/cli/gateway/program.ts';
import { assemblePam } from '../../src/cli/pam/program.ts';
import { run, runInside } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'usage-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const profile = ['--profile', join(folder, 'none.json')];
const nowhere = ['--data-dir', join(folder, 'none')];

type Case = readonly [args: readonly string[], code: number, stderr: RegExp];

const gateway: readonly Case[] = [
  [[], 2, /Usage: gateway/],
  [['strat'], 2, /unknown command 'strat'\n\(Did you mean start\?\)/],
  [['debug'], 2, /Usage: gateway debug/],
  [['debug', 'memebrs'], 2, /Did you mean members\?/],
  [
    ['debug', 'members', '--jsno'],
    2,
    /unknown option '--jsno'\n\(Did you mean --json\?\)\nSee: gateway debug members --help/,
  ],
  [['debug', 'members', 'extra'], 2, /too many arguments/],
  [['debug', 'members', '--data-dir'], 2, /argument missing/],
  [['debug', 'members', ...nowhere], 5, /^error: no instance runs on the data directory .*\nStart one: gateway start/],
  [['debug', 'jobs', '-n', '0', ...nowhere], 2, /--most: "0" is not a whole number from 1 to 10000/],
  [['debug', 'events', '-n', '1001', ...nowhere], 2, /--most: "1001" is not a whole number from 1 to 1000/],
  [['debug', 'trace', ...nowhere], 2, /missing required argument 'job'/],
  [['debug', 'watch', '--interval', 'x', ...nowhere], 2, /--interval: "x" is not a whole number/],
  [['debug', 'watch', ...nowhere], 5, /no instance runs/],
  [['debug', 'bundle', ...nowhere], 5, /no instance runs/],
  [['drain', '--timeout', 'soon', ...nowhere], 2, /--timeout: "soon" is not a duration/],
  [['stop', ...nowhere], 5, /no instance runs/],
  [['health-check', ...nowhere], 5, /no instance runs/],
  [['completion', 'tcsh'], 2, /completion: "tcsh" is none of bash, zsh, fish/],
  [['completion'], 2, /missing required argument 'shell'/],
];

/** What only a process shows: whole messages, exit codes, and a command that takes the signals of its process. */
const processes: readonly (readonly ['gateway' | 'pam', ...Case])[] = [
  ['gateway', ['start', '--config-file', join(folder, 'none.json'), ...nowhere], 2, /none\.json/],
  ['gateway', ['start', ...nowhere], 2, /--config-file/],
  ['gateway', ['start', '--config-fiel', 'x'], 2, /Did you mean --config-file\?/],
  ['gateway', ['start', '--http', '0.0.0.0', '--log-level', 'loud', ...nowhere], 2, /--http.*\n.*--log-level/s],
  [
    'gateway',
    ['debug', 'memebrs'],
    2,
    /^error: unknown command 'memebrs'\n\(Did you mean members\?\)\nSee: gateway debug --help\n$/,
  ],
  ['gateway', ['health-check', ...nowhere], 5, /^error: no instance runs on the data directory .*\nStart one: .*\n$/],
  ['pam', ['gateway', 'new', '-n', 'x', '-m', '0', '-o', folder], 2, /^error: --max-instances must be at least 1\n$/],
  [
    'pam',
    ['record', 'edit', 'x', '--passphrase-stdin', ...profile],
    2,
    /^error: --passphrase-stdin belongs to a private key\nGive --private-key-file too\.\n$/,
  ],
  ['pam', ['gateway', 'list', ...profile], 2, /none\.json/],
];

const pam: readonly Case[] = [
  [[], 2, /Usage: pam/],
  [['gatway', 'list'], 2, /Did you mean gateway\?/],
  [['gateway', 'expel'], 2, /unknown command 'expel'/],
  [['gateway', 'new'], 2, /--name is missing\nType for example: pam gateway new/],
  [['gateway', 'new', '-n', 'x'], 2, /--max-instances is missing/],
  [['gateway', 'new', '-n', 'x', '-m', '3'], 2, /--output is missing/],
  [['gateway', 'new', '-n', 'x', '-m', '0', '-o', folder], 2, /^error: --max-instances must be at least 1\n$/],
  [['gateway', 'new', '-n', 'x', '-m', '-1', '-o', folder], 2, /^error: --max-instances must be at least 1\n$/],
  [['gateway', 'new', '-n', 'x', '-m', 'three', '-o', folder], 2, /--max-instances: "three" is not a whole number/],
  [
    ['gateway', 'new', '-n', 'x', '-m', '99999', '-o', folder],
    2,
    /--max-instances: "99999" is not a whole number from 1 to 10000/,
  ],
  [['gateway', 'new', '-n', '\u0007', '-m', '3', '-o', folder], 2, /--name/],
  [['gateway', 'new', '-n', 'x', '-m', '3', '-o', folder, '--bootstrap', 'nowhere'], 2, /--bootstrap/],
  [['gateway', 'new', '-n', 'x', '-m', '3', '-o', folder, '--address', '0.0.0.0:1'], 2, /--address/],
  [['gateway', 'list', '--format', 'xml', ...profile], 2, /--format: "xml" is none of table, json/],
  [['gateway', 'list', ...profile], 2, /none\.json/],
  [['gateway', 'list', '--address', 'host', ...profile], 2, /--address: "host" is neither HOST:PORT nor a multiaddr/],
  [['gateway', 'set-max-instances', '-m', '3', ...profile], 2, /--gateway is missing/],
  [['gateway', 'set-max-instances', '-g', 'x', ...profile], 2, /--max-instances is missing/],
  [
    ['gateway', 'set-max-instances', '-g', 'x', '-m', '0', ...profile],
    2,
    /^error: --max-instances must be at least 1\n$/,
  ],
  [['gateway', 'drain', '-g', 'x', ...profile], 2, /--instance is missing/],
  [['record', 'add', ...profile], 2, /--type is missing/],
  [['record', 'add', '--type', 'car', ...profile], 2, /--type: "car" is none of machine, database, user, directory/],
  [['record', 'add', '--type', 'machine', ...profile], 2, /--title is missing/],
  [['record', 'add', '--type', 'machine', '--title', 't', ...profile], 2, /--host is missing/],
  [['record', 'add', '--type', 'machine', '--title', 't', '--host', 'h:22', ...profile], 2, /--port is missing/],
  [
    ['record', 'add', '--type', 'machine', '--title', 't', '--host', 'a b', ...profile],
    2,
    /--host: "a b" is not a host name or address/,
  ],
  [['record', 'add', '--type', 'machine', '--title', 't', '--host', 'h', '--port', '0', ...profile], 2, /--port: "0"/],
  [
    ['record', 'add', '--type', 'machine', '--title', 't', '--host', 'h', '--port', '65536', ...profile],
    2,
    /--port: "65536"/,
  ],
  [['record', 'add', '--title', '', ...profile], 2, /--title/],
  [['record', 'add', '--title', 'x'.repeat(200), ...profile], 2, /--title/],
  [['record', 'add', '--protocol', 'SSH 2', ...profile], 2, /--protocol/],
  [['record', 'add', '--label', 'site', ...profile], 2, /--label: "site" is not KEY=VALUE/],
  [['record', 'add', '--label', 'a=1', '--label', 'a=2', ...profile], 2, /--label: "a" is given twice/],
  [
    ['record', 'edit', 'x', '--private-key-file', 'none', ...profile],
    2,
    /--private-key-file: none cannot be read \(ENOENT\)/,
  ],
  [
    ['record', 'edit', 'x', '--private-key-file', 'k', '--passphrase-stdin', '--password-stdin', ...profile],
    2,
    /--passphrase-stdin and --password-stdin cannot go together/,
  ],
  [
    ['record', 'edit', 'x', '--remove-credential', '--password-stdin', ...profile],
    2,
    /--remove-credential goes with no other flag/,
  ],
  [['record', 'show', ...profile], 2, /missing required argument 'record'/],
  [['record', 'edit', 'x', ...profile], 2, /nothing to change/],
  [['grant', 'new', ...profile], 2, /--name is missing/],
  [['grant', 'new', '--name', 'a', ...profile], 2, /--out is missing/],
  [
    ['grant', 'new', '--name', 'a', '--out', 'o', '--expires', 'soon', ...profile],
    2,
    /--expires: "soon" is not a duration/,
  ],
  [
    ['grant', 'new', '--name', 'a', '--out', 'o', '--allow', 'tunnel', ...profile],
    2,
    /--allow: "tunnel" is not KIND:RECORD/,
  ],
  [['grant', 'new', '--name', 'a', '--out', 'o', '--allow', 'fly:x', ...profile], 2, /--allow: "fly:x"/],
  [['tunnel', 'start', ...profile], 2, /missing required argument 'record'/],
  [['tunnel', 'start', 'x', '-p', '70000', ...profile], 2, /--port: "70000"/],
  [['tunnel', 'stop'], 2, /which tunnel\?/],
  [['tunnel', 'stop', 'x'], 1, /no tunnel "x" runs/],
  [['action', 'job-info', ...profile], 2, /missing required argument 'job'/],
  [['action', 'job-cancel', 'x', '--reason', '', ...profile], 2, /--reason/],
];

describe.each([
  ['gateway', gateway, assembleGateway],
  ['pam', pam, assemblePam],
] as const)('%s', (program, cases, assemble) => {
  it.each(cases)('%j ends with %i', async (args, code, stderr) => {
    const ran = await runInside(assemble, args);
    expect(ran.stderr).toMatch(stderr);
    expect(ran.stdout).toBe('');
    expect(ran.code).toBe(code);
    expect(ran.stderr).not.toMatch(/^\s+at /m);
  });

  it('prints its version and its help on stdout', { timeout: 30_000 }, async () => {
    const version = await run({ program, args: ['--version'] });
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = await run({ program, args: ['--help'] });
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('Examples:') });
  });

  it('is quiet when its reader goes away', { timeout: 30_000 }, async () => {
    const { spawnSync } = await import('node:child_process');
    const main = new URL(`../../src/cli/${program}/main.ts`, import.meta.url).pathname;
    const piped = spawnSync('sh', ['-c', `"$0" "$1" completion fish | head -1`, process.execPath, main], {
      encoding: 'utf8',
    });
    expect(piped.stderr).toBe('');
    expect(piped.stdout.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('as processes', () => {
  it.concurrent.each(processes)('%s %j ends with %i', { timeout: 60_000 }, async (program, args, code, stderr) => {
    const ran = await run({ program, args });
    expect(ran.stderr).toMatch(stderr);
    expect(ran.stdout).toBe('');
    expect(ran.code).toBe(code);
  });
});

describe('a profile that is wrong', () => {
  it('is named with what is wrong, and its key is not shown', async () => {
    const path = join(folder, 'profile.json');
    const key = Buffer.alloc(32, 7).toString('base64');
    writeFileSync(path, JSON.stringify({ version: 1, key, role: 'king' }), { mode: 0o600 });
    const ran = await runInside(assemblePam, ['gateway', 'list', '--profile', path]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(path);
    expect(ran.stderr).not.toContain(key);
  });
});
