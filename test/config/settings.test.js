import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { addSettingsFlags, allSettings, chooseDataDirectory, loadSettings, settingKey, settingsFlags, } from '../../src/config/index.js';
import { failureOf, temporaryDirectories, writePrivate } from './temporary-directory.js';
const newDirectory = temporaryDirectories();
const GIB = 1024 ** 3;
const system = {
    isRoot: false,
    home: '/home/ada',
    hostName: 'server-1',
    workingDirectory: '/work-here',
    memoryBytes: 16 * GIB,
    memoryBytesAllowed: 0,
    onTerminal: false,
};
function parseFlags(args) {
    const command = addSettingsFlags(new Command('start'))
        .exitOverride()
        .configureOutput({ writeErr: () => undefined });
    command.parse([...args], { from: 'user' });
    return settingsFlags(command);
}
function load({ args = [], env = {}, file, system: change = {} }) {
    const text = typeof file === 'string' ? file : stringify(file ?? {});
    const path = file === undefined ? [] : ['--settings', writePrivate(join(newDirectory(), 'settings.yaml'), text)];
    return loadSettings({ flags: parseFlags([...args, ...path]), env, system: { ...system, ...change } });
}
/** The same with the one thing that has no default. */
const loadWith = (given) => load({ ...given, args: ['--config-file', 'c.json', ...(given.args ?? [])] });
/** Values that are right for each setting: as text, as YAML. */
const RIGHT = {
    'config-file': ['/etc/c.json', '/etc/c.json'],
    'data-dir': ['/srv/data', '/srv/data'],
    name: ['berlin-2', 'berlin-2'],
    'listen-mesh': ['[::1]:0', '[::1]:0'],
    'listen-access': ['gateway:7401', 'gateway:7401'],
    'announce-mesh': ['/ip4/192.0.2.1/tcp/7400', ['/ip4/192.0.2.1/tcp/7400']],
    'announce-access': ['gw.example.com:443', 'gw.example.com:443'],
    peer: ['10.0.0.1:7400', ['10.0.0.1:7400']],
    'no-mdns': ['true', true],
    standby: ['true', true],
    replaces: ['berlin-1', 'berlin-1'],
    replace: ['true', true],
    label: ['site=berlin', { site: 'berlin' }],
    'memory-budget-mb': ['512', 512],
    http: ['off', 'off'],
    'log-format': ['pretty', 'pretty'],
    'log-level': ['debug', 'debug'],
    'drain-seconds': ['0', 0],
};
/** Values that are wrong for each setting, with what is said: as text (flag and environment), then as YAML. */
const WRONG = {
    'config-file': { texts: [[' \0', 'expected a path']], yaml: [[7, '7 is of the wrong type; expected a path']] },
    'data-dir': {
        texts: [['a\0b', 'expected a path']],
        yaml: [
            [true, 'true is of the wrong type'],
            ['', '"" is wrong; expected a path'],
        ],
    },
    name: {
        texts: [
            ['n'.repeat(129), '1 to 128 characters'],
            ['a\tb', '"a\\tb" is wrong'],
        ],
        yaml: [
            [12, '12 is of the wrong type'],
            [' ', '" " is wrong'],
        ],
    },
    'listen-mesh': {
        texts: [
            ['7400', '"7400" is wrong; expected HOST:PORT'],
            ['a:70000', '"a:70000" is wrong'],
            ['::1:5', '"::1:5" is wrong'],
        ],
        yaml: [[7400, '7400 is of the wrong type; expected HOST:PORT']],
    },
    'listen-access': {
        texts: [['off', '"off" is wrong; expected HOST:PORT']],
        yaml: [[['a:1'], 'a list is of the wrong type']],
    },
    'announce-mesh': {
        texts: [['0.0.0.0:7400', 'stands for every address']],
        yaml: [
            [[7], 'a list is of the wrong type'],
            [['a:1', 'a:1'], '"a:1" is given twice'],
        ],
    },
    'announce-access': {
        texts: [['gw:0', 'has port 0, which nobody can dial']],
        yaml: [[Array.from({ length: 17 }, (_, index) => `g${index}:1`), 'has 17 entries; at most 16']],
    },
    peer: {
        texts: [['x', 'is neither HOST:PORT nor a multiaddr of TCP']],
        yaml: [[Array.from({ length: 65 }, (_, index) => `g${index}:1`), 'has 65 entries; at most 64']],
    },
    'no-mdns': { texts: [], yaml: [['true', '"true" is of the wrong type; expected true or false']] },
    standby: { texts: [], yaml: [[1, '1 is of the wrong type; expected true or false']] },
    replaces: { texts: [['r'.repeat(129), '1 to 128 characters']], yaml: [[false, 'false is of the wrong type']] },
    replace: { texts: [], yaml: [['yes', '"yes" is of the wrong type']] },
    label: {
        texts: [
            ['berlin', '"berlin" is wrong; expected KEY=VALUE'],
            ['=x', 'is wrong'],
            ['site=', 'is wrong'],
            ['a b=c', 'is wrong'],
        ],
        yaml: [
            [{ site: 1 }, 'an object is of the wrong type'],
            [['a=1', 'a=2'], '"a" is given twice'],
            [Array.from({ length: 33 }, (_, index) => `k${index}=v`), 'has 33 entries; at most 32'],
        ],
    },
    'memory-budget-mb': {
        texts: [
            ['63', '"63" is wrong; expected a whole number from 64'],
            ['1e3', 'is wrong'],
            ['-5', 'is wrong'],
            ['99999999999', 'is wrong'],
            ['64.5', 'is wrong'],
        ],
        yaml: [
            ['512', '"512" is of the wrong type; expected a whole number'],
            [64.5, 'is wrong'],
        ],
    },
    http: {
        texts: [['on', '"on" is wrong; expected HOST:PORT, [IPV6]:PORT or off']],
        yaml: [[false, 'false is of the wrong type']],
    },
    'log-format': { texts: [['xml', '"xml" is wrong; expected json or pretty']], yaml: [['JSON', '"JSON" is wrong']] },
    'log-level': {
        texts: [['loud', '"loud" is wrong; expected trace, debug, info, warn, error, fatal or silent']],
        yaml: [[3, '3 is of the wrong type']],
    },
    'drain-seconds': {
        texts: [
            ['86401', 'from 0 to 86400'],
            ['-1', 'is wrong'],
            ['5m', '"5m" is wrong'],
        ],
        yaml: [
            [-1, '"-1" is wrong'],
            [null, 'has no value; expected a whole number from 0 to 86400'],
        ],
    },
};
const named = allSettings.flatMap((setting) => {
    const key = settingKey(setting);
    return key === null || key === 'settings' ? [] : [[key, setting]];
});
const isSwitch = (setting) => setting.kind.form === 'switch';
/** In one argument, so that a value that begins with a hyphen stays a value. */
const flagFor = (key, text) => [`--${key}=${text}`];
describe('the table of settings', () => {
    it('gives every setting one flag, one variable and one key of the same name', () => {
        for (const [key, setting] of named)
            expect(setting.env).toBe(key === 'config-file' ? 'GATEWAY_CONFIG_FILE' : `GATEWAY_${key.toUpperCase().replaceAll('-', '_')}`);
        expect(new Set(allSettings.map(({ env }) => env)).size).toBe(allSettings.length);
    });
    it('is covered by the tests below', () => {
        expect(Object.keys(RIGHT).sort()).toEqual(named.map(([key]) => key).sort());
        expect(Object.keys(WRONG).sort()).toEqual(named.map(([key]) => key).sort());
    });
    it('says every default in the help as it is', () => {
        const help = addSettingsFlags(new Command('start')).configureHelp({ helpWidth: 1000 }).helpInformation();
        const settings = loadWith({});
        for (const text of ['0.0.0.0:7400', '0.0.0.0:7401', '127.0.0.1:8099', '300', 'info'])
            expect(help).toContain(`(default: ${text})`);
        for (const [key] of named)
            expect(help).toContain(`--${key}`);
        expect(settings).toEqual({
            gatewayConfig: { kind: 'file', path: '/work-here/c.json' },
            dataDirectory: '/home/ada/.pam-gateway',
            name: 'server-1',
            listenMesh: { host: '0.0.0.0', port: 7400 },
            listenAccess: { host: '0.0.0.0', port: 7401 },
            announceMesh: [],
            announceAccess: [],
            peers: [],
            mdns: true,
            standby: false,
            replaces: null,
            labels: [],
            memoryBudgetMb: 8192,
            http: { host: '127.0.0.1', port: 8099 },
            logFormat: 'json',
            logLevel: 'info',
            drainMs: 300_000,
        });
    });
});
describe.each(named)('%s', (key, setting) => {
    const [text, yaml] = RIGHT[key] ?? ['', null];
    const config = key === 'config-file' ? [] : ['--config-file', 'c.json'];
    const flag = isSwitch(setting) ? [`--${key}`] : flagFor(key, text);
    it('is the same from flag, environment and file', () => {
        const fromFlag = load({ args: [...config, ...flag] });
        expect(load({ args: config, env: { [setting.env]: text } })).toEqual(fromFlag);
        expect(load({ args: config, file: { [key]: yaml } })).toEqual(fromFlag);
        if (key !== 'config-file')
            expect(fromFlag).not.toEqual(load({ args: config }));
    });
    it.each(WRONG[key]?.texts ?? [])('%j as a flag and in the environment is refused with its reason', (wrong, expected) => {
        const { code, text: shown } = failureOf(() => load({ args: [...config, ...flagFor(key, wrong)] }));
        expect([code, shown]).toEqual(['bad-config', expect.stringContaining(expected)]);
        expect(shown).toContain(`--${key} `);
        expect(shown).toContain(setting.kind.remedy);
        const inEnvironment = failureOf(() => load({ args: config, env: { [setting.env]: wrong } })).text;
        expect(inEnvironment).toContain(expected);
        expect(inEnvironment).toContain(`environment variable ${setting.env}: `);
    });
    it.each(WRONG[key]?.yaml ?? [])('%j in the file is refused with its reason', (wrong, expected) => {
        const { text: shown } = failureOf(() => load({ args: config, file: { [key]: wrong } }));
        expect(shown).toContain(`settings.yaml: ${key}: `);
        expect(shown).toContain(expected);
        expect(shown).toContain(setting.kind.remedy);
    });
    it('given empty is refused as a flag and ignored in the environment', () => {
        if (!isSwitch(setting))
            expect(failureOf(() => load({ args: [...config, ...flagFor(key, '')] })).text).toContain(`--${key} "" is`);
        expect(loadWith({ env: { [setting.env]: ' ' } })).toEqual(loadWith({}));
    });
});
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
        expect(loadWith({ file, env: { GATEWAY_PEER: 'c:1' }, args: ['--peer', 'e:1', '--peer', '/ip4/192.0.2.1/tcp/1'] }).peers).toEqual(['e:1', '/ip4/192.0.2.1/tcp/1']);
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
        expect(failureOf(() => loadWith({ env: { GATEWAY_STANDBY: 'maybe' } })).text).toContain('environment variable GATEWAY_STANDBY: "maybe" is wrong; expected true or false');
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
        expect(both.text).toBe('environment variable GATEWAY_CONFIG: is set, and so is GATEWAY_CONFIG_FILE. Keep one of them.');
        expect(inspect(load({ env: base64 }), { depth: 9 })).not.toContain(base64.GATEWAY_CONFIG);
    });
    it('--replace takes the seat of the same name, --replaces of another, and both together is a mistake', () => {
        expect(loadWith({ args: ['--replace', '--name', 'berlin'] }).replaces).toBe('berlin');
        expect(loadWith({ args: ['--replaces', 'old'], file: { replace: true } }).replaces).toBe('old');
        expect(loadWith({ args: ['--replace'], file: { replaces: 'old' } }).replaces).toBe('server-1');
        expect(failureOf(() => loadWith({ args: ['--replace', '--replaces', 'old'] })).text).toContain('"old" and replace contradict each other');
    });
});
describe('defaults', () => {
    it.each([
        [16 * GIB, 0, 8192],
        [16 * GIB, 2 * GIB, 1024],
        [16 * GIB, 2 ** 64, 8192],
    ])('the memory budget of a machine of %i bytes that allows %i is %i MB', (memoryBytes, memoryBytesAllowed, expected) => {
        expect(loadWith({ system: { memoryBytes, memoryBytesAllowed } }).memoryBudgetMb).toBe(expected);
    });
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
        const lines = error.message.split('\n').map((line) => line
            .trim()
            .replace(/\/\S*settings\.yaml/, 'settings.yaml')
            .split(/(?<=listen-mesh|label|[A-Z_]{9,}|standby|stanby|seconds|http|configuration)[ :]/)[0]);
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
        const choose = (flag, env) => chooseDataDirectory({ flag, env, system });
        expect(choose(undefined, {})).toBe('/home/ada/.pam-gateway');
        expect(choose(undefined, { GATEWAY_SETTINGS: path })).toBe('/from/file');
        expect(choose(undefined, { GATEWAY_SETTINGS: path, GATEWAY_DATA_DIR: '/from/env' })).toBe('/from/env');
        expect(choose('/flag', { GATEWAY_DATA_DIR: '/from/env' })).toBe('/flag');
        expect(failureOf(() => choose('', {})).text).toContain('--data-dir "" is wrong');
    });
});
