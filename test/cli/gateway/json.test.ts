/** `gateway debug … --json` prints the documents of the contract, one each, and nothing else. */

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlService, startControl } from '../../../src/api/index.ts';
import { chooseDataDir } from '../../../src/cli/gateway/data-dir.ts';
import { assembleGateway } from '../../../src/cli/gateway/program.ts';
import { chooseDataDirectory } from '../../../src/config/index.ts';
import { JOBS, portOf, sourceOf, VIEW } from '../../api/pool.ts';
import { debugDocuments } from '../contract.ts';
import { runInside } from '../program.ts';

const folder = mkdtempSync(join(tmpdir(), 'json-'));
const secret = 'c2VjcmV0LXRoYXQtbXVzdC1uZXZlci1hcHBlYXI';
let service: ControlService;
let state = VIEW.state;

beforeAll(async () => {
  const port = portOf({ view: () => ({ ...VIEW, state }) });
  service = await startControl(sourceOf(folder, { port, settings: { name: 'gw-a', poolSecret: secret } }));
});

afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

function gateway(...args: readonly string[]) {
  return runInside(assembleGateway, [...args, '--data-dir', folder]);
}

describe('the JSON of a report', () => {
  it.each(Object.entries(debugDocuments))('%s has at least the promised shape', async (name, shape) => {
    const ran = await gateway('debug', name, ...(name === 'trace' ? [JOBS[0]?.jobId ?? ''] : []), '--json');
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(() => shape.parse(JSON.parse(ran.stdout))).not.toThrow();
  });

  it('finds the instance by the environment as well', async () => {
    const ran = await runInside(assembleGateway, ['debug', 'topic', '--json'], { GATEWAY_DATA_DIR: folder });
    expect(ran.code).toBe(0);
  });

  it('prints tables without it', async () => {
    const ran = await gateway('debug', 'members');
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/^POOL prod-eu .*\n# {2}INSTANCE/);
  });
});

describe('the health check', () => {
  it('ends with 0 while the instance serves, else with 1 and the reason', async () => {
    expect(await gateway('health-check')).toMatchObject({ code: 0, stdout: 'healthy: gw-a admitted and serving\n' });
    state = 'draining';
    const ran = await gateway('health-check', '--json');
    state = VIEW.state;
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ healthy: false, state: 'draining' });
  });

  it('prints a document also when nobody is there', async () => {
    const ran = await runInside(assembleGateway, ['health-check', '--json', '--data-dir', join(folder, 'none')]);
    expect(ran.code).toBe(5);
    expect(JSON.parse(ran.stdout)).toMatchObject({ healthy: false, error: 'unreachable' });
  });
});

describe('the bundle', () => {
  it('is one private file without secrets, never written over another', async () => {
    const path = join(folder, 'bundle.json');
    expect(await gateway('debug', 'bundle', '-o', path)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(path),
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const text = readFileSync(path, 'utf8');
    expect(text).not.toContain(secret);
    expect(Object.keys(JSON.parse(text))).toEqual(
      expect.arrayContaining(['about', 'status', 'members', 'admission', 'jobs', 'events', 'process']),
    );
    expect(await gateway('debug', 'bundle', '-o', path)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('exists already'),
    });
    expect(existsSync(path)).toBe(true);
  });

  it('goes to stdout with --json', async () => {
    const ran = await gateway('debug', 'bundle', '--json');
    expect(JSON.parse(ran.stdout).settings).toEqual({ name: 'gw-a', poolSecret: '[redacted]' });
  });
});

describe('the watch screen without a terminal', () => {
  it('says what to take instead', async () => {
    expect(await gateway('debug', 'watch')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('needs a terminal'),
    });
  });
});

describe('the data directory', () => {
  const settings = join(folder, 'settings.yaml');
  beforeAll(() => writeFileSync(settings, 'data-dir: from-settings\n'));

  it.each([
    [undefined, {}],
    ['relative/dir', {}],
    ['/absolute', { GATEWAY_DATA_DIR: '/other' }],
    ['~/dir', {}],
    ['~', {}],
    [undefined, { GATEWAY_DATA_DIR: '/from/environment' }],
    [undefined, { GATEWAY_DATA_DIR: ' ~/x ' }],
    [undefined, { GATEWAY_DATA_DIR: '' }],
    [undefined, { GATEWAY_SETTINGS: settings }],
    ['/absolute', { GATEWAY_SETTINGS: settings }],
    [undefined, { GATEWAY_SETTINGS: settings, GATEWAY_DATA_DIR: '/from/environment' }],
  ])('is the one that gateway start takes for %s and %j', async (flag, env) => {
    expect(await chooseDataDir(flag, env)).toBe(chooseDataDirectory({ flag, env }));
  });

  it('may stand in the settings file', async () => {
    expect(await chooseDataDir(undefined, { GATEWAY_SETTINGS: settings })).toBe(join(folder, 'from-settings'));
  });
});
