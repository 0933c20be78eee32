import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import {
  allSettings,
  createGateway,
  GATEWAY_FILES,
  loadGatewayConfig,
  loadSettings,
  parseGatewayConfig,
  type Settings,
  settingKey,
} from '../../src/config/index.ts';
import { temporaryDirectories, writePrivate } from './temporary-directory.ts';

const newDirectory = temporaryDirectories();
const folder = fileURLToPath(new URL('../../config-samples/', import.meta.url));
const sampleText = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** A gateway whose every secret says what it is: the same one whenever this runs. */
const example = createGateway(
  {
    name: 'Example only: write your own with "pam gateway new"',
    maxInstances: 3,
    bootstrap: ['gateway-1.example.com:7400', 'gateway-2.example.com:7400'],
    addresses: ['gateway-1.example.com:7401', 'gateway-2.example.com:7401'],
  },
  {
    random: (length) => new TextEncoder().encode('EXAMPLE-ONLY-'.repeat(3).slice(0, length)),
    unixMs: () => Date.UTC(2026, 0, 1),
  },
);
const exampleText = example.configuration.reveal();

/** With `UPDATE=1` the samples that are made by the code are written anew; `npm run format` then lays them out. */
if (process.env['UPDATE'] === '1') {
  writeFileSync(join(folder, 'gateway-config.json'), exampleText);
  const base64 = Buffer.from(exampleText).toString('base64');
  writeFileSync(
    join(folder, 'container.env'),
    sampleText('container.env').replace(/^GATEWAY_CONFIG=.*$/m, `GATEWAY_CONFIG=${base64}`),
  );
}

/** The settings of a sample as an instance would load them beside its configuration. */
function loadSample(name: string): Settings {
  const directory = newDirectory();
  writePrivate(join(directory, GATEWAY_FILES.configuration), sampleText('gateway-config.json'));
  if (name.endsWith('.env')) return loadSettings({ flags: new Map(), env: parseEnv(sampleText(name)) });
  const path = writePrivate(join(directory, name), sampleText(name));
  return loadSettings({ flags: new Map([['settings', [path]]]), env: {} });
}

const samples = readdirSync(folder).filter((name) => /\.(?:yaml|env)$/.test(name));

describe('the samples', () => {
  it('are one for each situation', () => {
    expect(samples.sort()).toEqual([
      'behind-nat.yaml',
      'container.env',
      'first-server.yaml',
      'hot-standby.yaml',
      'second-server.yaml',
    ]);
  });

  it.each(samples)('%s loads, with the gateway configuration it names', (name) => {
    const settings = loadSample(name);
    const config = loadGatewayConfig(settings.gatewayConfig);
    expect(config).toMatchObject({ uid: example.uid, limit: { maxInstances: 3 } });
    expect(basename(settings.dataDirectory)).toBe('pam-gateway');
  });

  it('hold the configuration that the code makes', () => {
    expect(JSON.parse(sampleText('gateway-config.json'))).toEqual(JSON.parse(exampleText));
    expect(Buffer.from(parseEnv(sampleText('container.env'))['GATEWAY_CONFIG'] ?? '', 'base64').toString()).toBe(
      exampleText,
    );
    expect(parseGatewayConfig(exampleText, 'sample').name).toContain('Example only');
  });

  it('do what they are for', () => {
    expect(loadSample('first-server.yaml')).toMatchObject({
      name: 'gateway-1',
      peers: [],
      labels: [{ key: 'site', value: 'berlin' }],
    });
    expect(loadSample('second-server.yaml')).toMatchObject({
      peers: ['gateway-1.example.com:7400'],
      announceMesh: ['gateway-2.example.com:7400'],
      memoryBudgetMb: 4096,
    });
    expect(loadSample('behind-nat.yaml')).toMatchObject({ mdns: false, announceMesh: ['branch.example.com:17400'] });
    expect(loadSample('hot-standby.yaml')).toMatchObject({ standby: true, replaces: null, drainMs: 600_000 });
    expect(loadSample('container.env')).toMatchObject({
      gatewayConfig: { kind: 'base64' },
      mdns: false,
      logFormat: 'json',
    });
  });

  it.each(samples.filter((name) => name.endsWith('.yaml')))(
    '%s stays right when what is commented out is put in',
    (name) => {
      const text = sampleText(name);
      const keys = allSettings.map((setting) => settingKey(setting)).join('|');
      const all = text.replace(new RegExp(`^# ((?:${keys}): )`, 'gm'), '$1');
      const path = writePrivate(join(newDirectory(), name), all);
      expect(parseDocument(all).errors).toEqual([]);
      expect(loadSettings({ flags: new Map([['settings', [path]]]), env: {} }).name).not.toBe('');
    },
  );
});
