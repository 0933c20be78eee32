import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTerminal } from '../../src/cli/frame/terminal.ts';
import { assemblePam } from '../../src/cli/pam/program.ts';
import { createGateway, settingKey, settingsTable, writeGateway } from '../../src/config/index.ts';
import { type CommandResult, runCommand } from './harness/program.ts';
import { everywhere, judgedLater, KEY, neededBy, wrongFlags } from './harness/wrong-flags.ts';

/** Nobody listens there: a mistake that is found only after a connection shows as exit code 5. */
const CLOSED = '127.0.0.1:9';

let folder: string;
let configFile: string;
let profileFile: string;
let proposal: string;
let lines: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pam-settings-'));
  const created = createGateway({ name: 'test', maxInstances: 3, bootstrap: [], addresses: [CLOSED] });
  const written = writeGateway(join(folder, 'gateway'), created);
  configFile = written.configurationPath;
  profileFile = written.adminProfilePath;
  lines = join(folder, 'records.csv');
  writeFileSync(lines, 'title,type,host,port\nweb-1,machine,10.0.0.5,22\n');
  proposal = join(folder, 'alice.proposal');
  const proposed = await pam(['admin', 'propose', 'grant', '--name', 'alice', '--for-key', KEY, '--out', proposal]);
  expect(proposed.code, proposed.stderr).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TOO_LONG = 'x'.repeat(5000);

/** A wrong value for every setting of an instance; a new setting without a line here does not compile. */
const wrongValues = {
  settings: TOO_LONG,
  configFile: TOO_LONG,
  config: '!not base64!',
  dataDir: TOO_LONG,
  name: '\u0007',
  listenMesh: 'nowhere',
  listenAccess: '127.0.0.1:70000',
  announceMesh: 'host:0',
  announceAccess: '/ip4/1.2.3.4/udp/1',
  peer: '7400',
  noMdns: 'maybe',
  standby: 'maybe',
  replaces: '',
  replace: '2',
  label: 'site',
  discoveryAllow: 'everything',
  memoryBudgetMb: '3',
  http: '0.0.0.0',
  recordingDays: 'ever',
  recordingMaxMb: '-1',
  logFormat: 'xml',
  logLevel: 'loud',
  drainSeconds: '1.5',
} satisfies Readonly<Record<keyof typeof settingsTable, string>>;

type SettingName = keyof typeof settingsTable;
const names = Object.keys(settingsTable).filter((name): name is SettingName => name in wrongValues);

/** A mistake is one: exit code 2, what and where it is on stderr, nothing else anywhere. */
function expectMistake({ code, stdout, stderr }: CommandResult, where: string | RegExp): void {
  expect(stderr).toMatch(where instanceof RegExp ? where : new RegExp(literal(where)));
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).toBe('');
  expect(code).toBe(2);
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
  const isGiven = args.includes('--config-file') || 'GATEWAY_CONFIG' in env || 'GATEWAY_CONFIG_FILE' in env;
  const needed = isGiven ? [] : ['--config-file', configFile];
  return runCommand({ program: 'gateway', args: ['start', ...needed, ...args], env: { HOME: folder, ...env } });
}

describe('gateway start', () => {
  const flags = names.filter((name) => settingsTable[name].flag !== null);
  it.concurrent.each(flags)('says what is wrong with the flag for %s', async (name) => {
    const { flag, kind } = settingsTable[name];
    const [word = ''] = (flag ?? '').split(' ');
    const args = kind.form === 'switch' ? [`${word}=${wrongValues[name]}`] : [word, wrongValues[name]];
    expectMistake(await start(args), word);
  });

  // An empty variable is one that is not set.
  it.concurrent.each(names.filter((name) => wrongValues[name] !== ''))(
    'says what is wrong with the variable for %s',
    async (name) => {
      const { env } = settingsTable[name];
      const result = await start([], { [env]: wrongValues[name] });
      expectMistake(result, env);
      if (settingsTable[name].kind.secret) expect(result.stderr).not.toContain(wrongValues[name]);
    },
  );

  const keys = names.filter((name) => settingsTable[name].inFile);
  it.concurrent.each(keys)('says what is wrong with the key for %s in the settings file', async (name) => {
    const key = settingKey(settingsTable[name]) ?? '';
    const path = join(folder, `${name}.yaml`);
    writeFileSync(path, `${key}: ${JSON.stringify(wrongValues[name])}\n`);
    const args = ['--settings', path];
    const result = await runCommand({ program: 'gateway', args: ['start', ...args], env: { HOME: folder } });
    expectMistake(result, `${path}: ${key}`);
  });

  it.concurrent('tells all mistakes at once, from wherever they come', async () => {
    const path = join(folder, 'several.yaml');
    writeFileSync(path, 'label: [site]\nlog-level: loud\ncolour: red\n');
    const result = await start(['--settings', path, '--http', 'x', '--memory-budget-mb', '1'], {
      GATEWAY_PEER: 'nobody',
    });
    for (const place of [
      '--http',
      '--memory-budget-mb',
      'GATEWAY_PEER',
      `${path}: label`,
      `${path}: log-level`,
      `${path}: colour`,
    ]) {
      expectMistake(result, place);
    }
    expect(result.stderr).toMatch(/6 mistakes/);
  });
});

describe('pam', async () => {
  const commands = leavesOf(await assemblePam(createTerminal(new AbortController().signal)), '');
  const flags = commands.flatMap(({ path, command }) =>
    command.options.filter(({ required, optional }) => required || optional).map(({ long }) => `${path} ${long}`),
  );

  it('has no flag that is missing here', () => {
    const common = Object.keys(everywhere);
    const known = [...Object.keys(wrongFlags), ...judgedLater];
    expect(flags.filter((flag) => !known.includes(flag) && !common.some((name) => flag.endsWith(` ${name}`)))).toEqual(
      [],
    );
    expect(known.filter((flag) => !flags.includes(flag))).toEqual([]);
  });

  it.concurrent.each(Object.entries(wrongFlags))('says what is wrong with %s', async (flag, [args, stderr]) => {
    const path = flag.split(' ').slice(0, -1);
    expectMistake(await pam([...path, ...files(args, flag)]), stderr);
  });

  // A diagnosis tells a wrong profile as its result, a login makes one; an address is read by the function that reads the profile.
  const profiles = flags.filter((flag) => flag.endsWith(' --profile') && !/^(tunnel diagnose|login) /.test(flag));
  const shared = [...profiles, 'gateway list --address', 'grant new --sign-with'];
  it.concurrent.each(shared)('says what is wrong with %s', async (flag) => {
    const words = flag.split(' ');
    const name = words.at(-1) ?? '';
    const [value, stderr] = everywhere[name] ?? ['', /never/];
    expectMistake(
      await pam([...words.slice(0, -1), ...files(neededBy[words.slice(0, -1).join(' ')] ?? [], flag), name, value]),
      stderr,
    );
  });
});

/** With the files that the arguments stand for. */
function files(args: readonly string[], flag: string): readonly string[] {
  const named: Readonly<Record<string, string>> = {
    NEW: join(folder, flag.replaceAll(' ', '-')),
    CONFIG: configFile,
    PROPOSAL: proposal,
    LINES: lines,
  };
  return args.map((arg) => named[arg] ?? arg);
}

function pam(args: readonly string[]): Promise<CommandResult> {
  return runCommand({ program: 'pam', args, env: { PAM_PROFILE: profileFile, HOME: folder } });
}

function leavesOf(command: Command, above: string): readonly { readonly path: string; readonly command: Command }[] {
  return command.commands.flatMap((child) => {
    const path = `${above} ${child.name()}`.trim();
    return child.commands.length > 0 ? leavesOf(child, path) : [{ path, command: child }];
  });
}
