import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addSettingsFlags, allSettings, type Setting, settingKey } from '../../src/config/index.ts';
import { load, loadWith } from './load-settings.ts';
import { failureOf } from './temporary-directory.ts';

/** Values that are right for each setting: as text, as YAML. */
const RIGHT: Readonly<Record<string, readonly [string, unknown]>> = {
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
  'discovery-allow': ['10.1.0.0/16', ['10.1.0.0/16']],
  'memory-budget-mb': ['512', 512],
  http: ['off', 'off'],
  'recording-days': ['30', 30],
  'recording-max-mb': ['0', 0],
  'log-format': ['pretty', 'pretty'],
  'log-level': ['debug', 'debug'],
  'drain-seconds': ['0', 0],
};

/** Values that are wrong for each setting, with what is said: as text (flag and environment), then as YAML. */
const WRONG: Readonly<
  Record<
    string,
    { readonly texts: readonly (readonly [string, string])[]; readonly yaml: readonly (readonly [unknown, string])[] }
  >
> = {
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
  'recording-days': {
    texts: [
      ['3661', 'from 0 to 3660'],
      ['-1', 'is wrong'],
    ],
    yaml: [['30', '"30" is of the wrong type; expected a whole number']],
  },
  'recording-max-mb': {
    texts: [
      ['1000000001', 'from 0 to 1000000000'],
      ['1GB', 'is wrong'],
    ],
    yaml: [[1.5, 'is wrong']],
  },
  'log-format': { texts: [['xml', '"xml" is wrong; expected json or pretty']], yaml: [['JSON', '"JSON" is wrong']] },
  'log-level': {
    texts: [['loud', '"loud" is wrong; expected trace, debug, info, warn, error, fatal or silent']],
    yaml: [[3, '3 is of the wrong type']],
  },
  'discovery-allow': {
    texts: [
      ['10.0.0.0/33', 'is wrong; expected an IPv4 network'],
      ['everything', 'is wrong'],
    ],
    yaml: [[[17], 'is of the wrong type']],
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

const named = allSettings.flatMap((setting): readonly (readonly [string, Setting<unknown>])[] => {
  const key = settingKey(setting);
  return key === null || key === 'settings' ? [] : [[key, setting]];
});
const isSwitch = (setting: Setting<unknown>): boolean => setting.kind.form === 'switch';
/** In one argument, so that a value that begins with a hyphen stays a value. */
const flagFor = (key: string, text: string): readonly string[] => [`--${key}=${text}`];

describe('the table of settings', () => {
  it('gives every setting one flag, one variable and one key of the same name', () => {
    for (const [key, setting] of named)
      expect(setting.env).toBe(
        key === 'config-file' ? 'GATEWAY_CONFIG_FILE' : `GATEWAY_${key.toUpperCase().replaceAll('-', '_')}`,
      );
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
    for (const [key] of named) expect(help).toContain(`--${key}`);
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
      discoveryAllow: [
        { first: 0x0a000000, last: 0x0affffff },
        { first: 0xac100000, last: 0xac1fffff },
        { first: 0xc0a80000, last: 0xc0a8ffff },
        { first: 0x7f000000, last: 0x7fffffff },
        { first: 0xa9fe0000, last: 0xa9feffff },
        { network: [0xfc, ...Array<number>(15).fill(0)], prefixBits: 7 },
        { network: [0xfe, 0x80, ...Array<number>(14).fill(0)], prefixBits: 10 },
        { network: [...Array<number>(15).fill(0), 1], prefixBits: 128 },
      ],
      memoryBudgetMb: 8192,
      http: { host: '127.0.0.1', port: 8099 },
      keepRecordings: { ageMsMax: 90 * 86_400_000, bytesMax: 10_240 * 1024 * 1024 },
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
    if (key !== 'config-file') expect(fromFlag).not.toEqual(load({ args: config }));
  });

  it.each(WRONG[key]?.texts ?? [])(
    '%j as a flag and in the environment is refused with its reason',
    (wrong, expected) => {
      const { code, text: shown } = failureOf(() => load({ args: [...config, ...flagFor(key, wrong)] }));
      expect([code, shown]).toEqual(['bad-config', expect.stringContaining(expected)]);
      expect(shown).toContain(`--${key} `);
      expect(shown).toContain(setting.kind.remedy);
      const inEnvironment = failureOf(() => load({ args: config, env: { [setting.env]: wrong } })).text;
      expect(inEnvironment).toContain(expected);
      expect(inEnvironment).toContain(`environment variable ${setting.env}: `);
    },
  );

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
