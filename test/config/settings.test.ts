import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { chooseDataDirectory, loadSettings } from '../../src/config/index.ts';
import { GIB, load, loadWith, newDirectory, system } from './load-settings.ts';
import { failureOf, writePrivate } from './temporary-directory.ts';

describe('where settings come from', () => {
  it('a flag beats the environment, which beats the file', () => {
    const file = { name: 'file', 'listen-mesh': 'file:1', 'log-level': 'warn' };
    const env = { GATEWAY_NAME: 'env', GATEWAY_LISTEN_MESH: 'env:1' };
    expect(loadWith({ file, env, args: ['--name', 'flag'] })).toMatchObject({
      name: 'flag',
      listenMesh: { host: 'env', port: 1 },
      logLevel: 'warn',
    });
  });

  it('a list is replaced as a whole, and repeated flags are one list', () => {
    const file = { peer: ['a:1', 'b:1'], label: { site: 'file' } };
    expect(loadWith({ file }).peers).toEqual(['a:1', 'b:1']);
    expect(loadWith({ file, env: { GATEWAY_PEER: ' c:1, d:1,' } }).peers).toEqual(['c:1', 'd:1']);
    expect(
      loadWith({ file, env: { GATEWAY_PEER: 'c:1' }, args: ['--peer', 'e:1', '--peer', '/ip4/192.0.2.1/tcp/1'] }).peers,
    ).toEqual(['e:1', '/ip4/192.0.2.1/tcp/1']);
    expect(loadWith({ file, args: ['--label', 'a=b=c', '--label', 'tier=1'] }).labels).toEqual([
      { key: 'a', value: 'b=c' },
      { key: 'tier', value: '1' },
    ]);
  });

  it('the environment can switch off what the file switches on', () => {
    const file = { standby: true, 'no-mdns': true };
    expect(loadWith({ file })).toMatchObject({ standby: true, mdns: false });
    expect(loadWith({ file, env: { GATEWAY_STANDBY: 'no', GATEWAY_NO_MDNS: '0' } })).toMatchObject({
      standby: false,
      mdns: true,
    });
    expect(failureOf(() => loadWith({ env: { GATEWAY_STANDBY: 'maybe' } })).text).toContain(
      'environment variable GATEWAY_STANDBY: "maybe" is wrong; expected true or false',
    );
  });

  it('the settings file can be named in the environment', () => {
    const path = writePrivate(join(newDirectory(), 'settings.yaml'), 'name: from-file\nconfig-file: c.json\n');
    const settings = loadSettings({ flags: new Map(), env: { GATEWAY_SETTINGS: path }, system });
    expect(settings.name).toBe('from-file');
  });

  it('relative paths start at the settings file they stand in, and ~ is the home directory', () => {
    const directory = newDirectory();
    const path = writePrivate(join(directory, 'settings.yaml'), 'config-file: c.json\ndata-dir: ~/data\n');
    const settings = loadSettings({ flags: new Map([['settings', [path]]]), env: {}, system });
    expect(settings.gatewayConfig).toEqual({ kind: 'file', path: join(directory, 'c.json') });
    expect(settings.dataDirectory).toBe('/home/ada/data');
    expect(loadWith({ args: ['--data-dir', '../d'] }).dataDirectory).toBe('/d');
  });

  it('the gateway configuration is a file or base64, the stronger source winning', () => {
    const base64 = { GATEWAY_CONFIG: 'c2VjcmV0' };
    const inline = { kind: 'base64', where: 'environment variable GATEWAY_CONFIG' };
    expect(load({ env: base64 }).gatewayConfig).toMatchObject(inline);
    expect(load({ env: base64, file: { 'config-file': '/f.json' } }).gatewayConfig).toMatchObject(inline);
    expect(load({ env: base64, args: ['--config-file', '/f.json'] }).gatewayConfig).toEqual({
      kind: 'file',
      path: '/f.json',
    });
    expect(failureOf(() => load({})).text).toContain('Give --config-file FILE, or set GATEWAY_CONFIG');
    const both = failureOf(() => load({ env: { ...base64, GATEWAY_CONFIG_FILE: '/f.json' } }));
    expect(both.text).toBe(
      'environment variable GATEWAY_CONFIG: is set, and so is GATEWAY_CONFIG_FILE. Keep one of them.',
    );
    expect(inspect(load({ env: base64 }), { depth: 9 })).not.toContain(base64.GATEWAY_CONFIG);
  });

  it('--replace takes the seat of the same name, --replaces of another, and both together is a mistake', () => {
    expect(loadWith({ args: ['--replace', '--name', 'berlin'] }).replaces).toBe('berlin');
    expect(loadWith({ args: ['--replaces', 'old'], file: { replace: true } }).replaces).toBe('old');
    expect(loadWith({ args: ['--replace'], file: { replaces: 'old' } }).replaces).toBe('server-1');
    expect(failureOf(() => loadWith({ args: ['--replace', '--replaces', 'old'] })).text).toContain(
      '"old" and replace contradict each other',
    );
  });
});

describe('defaults', () => {
  it.each([
    [16 * GIB, 0, 8192],
    [16 * GIB, 2 * GIB, 1024],
    [16 * GIB, 2 ** 64, 8192],
  ])(
    'the memory budget of a machine of %i bytes that allows %i is %i MB',
    (memoryBytes, memoryBytesAllowed, expected) => {
      expect(loadWith({ system: { memoryBytes, memoryBytesAllowed } }).memoryBudgetMb).toBe(expected);
    },
  );

  it('root keeps its data under /var/lib, and a terminal reads pretty logs', () => {
    expect(loadWith({ system: { isRoot: true, onTerminal: true } })).toMatchObject({
      dataDirectory: '/var/lib/pam-gateway',
      logFormat: 'pretty',
    });
  });
});

describe('mistakes', () => {
  it('of every source are all reported at once, each with where it stands', () => {
    const given = {
      args: ['--listen-mesh', 'x', '--label', 'y', '--label', 'z', '--no-mdns'],
      env: { GATEWAY_LISTEN_MESH: 'overridden', GATEWAY_LOG_LEVEL: 'loud', GATEWAY_LISTEN_ACESS: 'a:1' },
      file: { 'listen-mesh': 17, stanby: true, 'drain-seconds': -1, http: 'http://x' },
    };
    const { error } = failureOf(() => load(given));
    const lines = error.message.split('\n').map(
      (line) =>
        line
          .trim()
          .replace(/\/\S*settings\.yaml/, 'settings.yaml')
          .split(/(?<=listen-mesh|label|[A-Z_]{9,}|standby|stanby|seconds|http|configuration)[ :]/)[0],
    );
    expect(lines).toEqual([
      '11 mistakes in the configuration',
      'environment variable GATEWAY_LISTEN_ACESS',
      'settings.yaml: stanby',
      '--listen-mesh',
      'environment variable GATEWAY_LISTEN_MESH',
      'settings.yaml: listen-mesh',
      '--label',
      '--label',
      'settings.yaml: http',
      'environment variable GATEWAY_LOG_LEVEL',
      'settings.yaml: drain-seconds',
      'gateway configuration',
    ]);
  });

  it('in names are met with the name that was probably meant', () => {
    const { text } = failureOf(() => loadWith({ file: { 'listen-mehs': 'a:1', colour: 'red' } }));
    expect(text).toContain('listen-mehs: there is no such setting. Did you mean "listen-mesh"?');
    expect(text).toContain('colour: there is no such setting. Remove it; the settings are config-file, data-dir,');
    expect(failureOf(() => loadWith({ env: { GATEWAY_NAMES: 'x' } })).text).toContain('Did you mean GATEWAY_NAME?');
  });

  it('are not made by what container platforms put into the environment', () => {
    const env = {
      GATEWAY_SERVICE_HOST: '10.0.0.1',
      GATEWAY_PORT: 'tcp://10.0.0.1:7400',
      GATEWAY_PORT_7400_TCP_ADDR: '10.0.0.1',
      GATEWAY_NAMESPACE_SERVICE_PORT: '1',
    };
    expect(loadWith({ env })).toEqual(loadWith({}));
  });

  it.each([
    ['name: [', 'line 1: is not YAML'],
    ['name: a\nname: b\n', 'line 2: the same key stands there twice'],
    ['listen-mesh: [::1]:7400\n', 'is not YAML'],
    ['- name: a\n', 'holds a list; expected settings'],
    ['just text', 'holds text; expected settings'],
    ['name:\n', 'name: has no value; expected 1 to 128 characters'],
    ['name: {a: b}\n', 'name: an object is of the wrong type'],
    ['name: 12\n', 'name: 12 is of the wrong type'],
  ])('in the text of the file are told with their line: %j', (file, expected) => {
    expect(failureOf(() => loadWith({ file })).text).toContain(expected);
  });

  it('in the file do not spread secrets that do not belong there', () => {
    const file = { version: 1, poolSecret: 'topsecret', 'topsecret topsecret': 1, name: { poolSecret: 'topsecret' } };
    const { error } = failureOf(() => loadWith({ file }));
    expect(error.message).toContain('poolSecret: there is no such setting');
    expect(inspect(error)).not.toContain('topsecret');
    expect(failureOf(() => loadWith({ file: '{"poolSecret": "topsecret", ' })).text).not.toContain('topsecret');
  });

  it('about the file itself are told together with the others', () => {
    const directory = newDirectory();
    const missing = join(directory, 'missing.yaml');
    const { text } = failureOf(() => loadWith({ args: ['--settings', missing, '--http', 'x'] }));
    expect(text).toContain(`${missing}: there is no such file (settings file)`);
    expect(text).toContain('--http "x" is wrong');
    mkdirSync(missing);
    expect(failureOf(() => loadWith({ args: ['--settings', missing] })).text).toContain('is a directory');
  });

  it('are not made by an empty file or by one that others may read: it holds no secret', () => {
    expect(loadWith({ file: '# nothing yet\n' })).toEqual(loadWith({}));
    const path = writePrivate(join(newDirectory(), 'settings.yaml'), 'name: a\n');
    chmodSync(path, 0o644);
    expect(loadWith({ args: ['--settings', path] }).name).toBe('a');
  });
});

describe('the data directory of the running instance', () => {
  it('is found as the instance found it, whatever else is wrong', () => {
    const path = writePrivate(join(newDirectory(), 'settings.yaml'), 'data-dir: /from/file\nhttp: nonsense\n');
    const choose = (flag: string | undefined, env: Record<string, string>): string =>
      chooseDataDirectory({ flag, env, system });
    expect(choose(undefined, {})).toBe('/home/ada/.pam-gateway');
    expect(choose(undefined, { GATEWAY_SETTINGS: path })).toBe('/from/file');
    expect(choose(undefined, { GATEWAY_SETTINGS: path, GATEWAY_DATA_DIR: '/from/env' })).toBe('/from/env');
    expect(choose('/flag', { GATEWAY_DATA_DIR: '/from/env' })).toBe('/flag');
    expect(failureOf(() => choose('', {})).text).toContain('--data-dir "" is wrong');
  });
});
