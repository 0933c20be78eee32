/** A password is planted in a record, a pool is used with it, and then it is looked for everywhere: it stands sealed in the vault and nowhere else. */

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectAccess } from '../../src/access/client/index.ts';
import { createEd25519Verify } from '../../src/base/ed25519.ts';
import { agreementKeysFromSeed } from '../../src/base/x25519.ts';
import { loadGatewayConfig } from '../../src/config/index.ts';
import { derivePoolKeys } from '../../src/core/index.ts';
import { openCredential } from '../../src/vault/sealed-credential.ts';
import { credentialEditionSeal } from '../../src/wire/credential.ts';
import { open } from '../../src/wire/sealed.ts';
import type { Pool } from './harness/pool.ts';
import { argumentsOf, memoryHolds } from './harness/process-search.ts';
import { type CommandResult, runCommand } from './harness/program.ts';
import { untilRecordHeld } from './harness/records.ts';
import { filesWith, formsOf, holdsAny } from './harness/search-files.ts';
import { useSharedPools } from './harness/shared-pool.ts';
import { Tunnel } from './harness/tunnel.ts';
import { dialEcho } from './targets/socket.ts';
import { echo, startTarget, type Target } from './targets/target.ts';

const formPool = useSharedPools();
const NAMES = ['a', 'b'];
/** Random, so that it stands nowhere by chance, and of characters that no form of output escapes. */
const planted = `planted-${randomBytes(24).toString('hex')}`;
const forms = formsOf(planted);

let pool: Pool;
let target: Target;
/** Everything that any command printed. */
const printed: CommandResult[] = [];
let recordId: string;
let tunnel: Tunnel;

async function run(program: 'pam' | 'gateway', args: readonly string[], input?: string): Promise<CommandResult> {
  const env = { PAM_PROFILE: pool.profileFile, HOME: pool.folder };
  const result = await runCommand({ program, args, env, ...(input === undefined ? {} : { input }) });
  printed.push(result);
  return result;
}

beforeAll(async () => {
  target = await startTarget(echo);
  pool = await formPool({ instances: 2, start: () => ({ args: ['--log-level', 'trace'] }) });
  const place = ['--host', target.host, '--port', String(target.port), '--protocol', 'tcp', '--user', 'root'];
  const add = [
    'record',
    'add',
    '--type',
    'machine',
    '--title',
    'planted-record',
    ...place,
    '--password-stdin',
    '--json',
  ];
  const added = await run('pam', add, planted);
  expect(added, added.stderr).toMatchObject({ code: 0 });
  recordId = JSON.parse(added.stdout).record;
  await untilRecordHeld(pool, NAMES, 'planted-record');
  tunnel = await Tunnel.start({ pool, record: 'planted-record' });
  const socket = await dialEcho(tunnel.port, 'used');
  socket.end();
}, 90_000);
afterAll(async () => {
  await tunnel.stop();
  await target.stop();
});

describe('a planted password', () => {
  it('is in the vault, for whoever has the secret of the pool', async () => {
    const { poolSecret, uid: gatewayUid } = loadGatewayConfig({ kind: 'file', path: pool.configFile });
    const keys = derivePoolKeys({ secret: poolSecret.reveal(), gatewayUid });
    const { key, poolKey } = pool.profile();
    const init = { keySeed: key.reveal(), grant: null, addresses: [pool.site('a').access], poolKey };
    const client = await connectAccess(init, AbortSignal.timeout(15_000));
    const asked = client.request({ kind: 'list-editions', recordId }, 'editions', AbortSignal.timeout(15_000));
    const [sealed] = (await asked.finally(() => client.stop())).sealed;
    const { entries } = open(credentialEditionSeal, sealed ?? new Uint8Array(), createEd25519Verify()).value;
    const [{ box = new Uint8Array(), versionId = '' } = {}] = entries;
    const opener = [agreementKeysFromSeed(keys.vaultKeySeed.reveal())];
    const { password } = openCredential(box, opener, { gatewayUid, recordId, versionId });
    expect(password?.reveal()).toBe(planted);
  });

  it('would be found in a file and in memory, in whatever form', () => {
    for (const [index, text] of [
      `x${planted}`,
      Buffer.from(`ab${planted}c`).toString('base64'),
      Buffer.from(planted).toString('hex'),
    ].entries()) {
      const path = join(pool.folder, `control-${index}`);
      writeFileSync(path, text);
      expect(filesWith(pool.folder, forms)).toContain(path);
      writeFileSync(path, '');
    }
    const control = formsOf('planted-record');
    expect(pool.started.map(({ processId }) => memoryHolds(processId, control))).toEqual([true, true]);
  });

  it('is in no answer of any command', async () => {
    const reads = [
      ['record', 'show', 'planted-record'],
      ['record', 'show', 'planted-record', '--json'],
      ['record', 'list', '--json'],
      ['gateway', 'list', '-v', '--json'],
      ['audit', 'tail', '-n', '500', '--json'],
      ['audit', 'export'],
      ['audit', 'export', '--format', 'syslog'],
    ];
    for (const args of reads) expect(await run('pam', args), args.join(' ')).toMatchObject({ code: 0 });
    for (const kind of ['members', 'jobs', 'events', 'policy', 'status', 'bundle']) {
      expect(await run('gateway', ['debug', kind, '--json', '--data-dir', pool.dataDir('a')]), kind).toMatchObject({
        code: 0,
      });
    }
    const told = printed.filter(({ stdout, stderr }) => holdsAny(Buffer.from(stdout + stderr), forms));
    expect(told).toEqual([]);
  });

  it('is in no log, no file, no argument list, no environment', () => {
    for (const { lines } of pool.started) expect(holdsAny(Buffer.from(lines.join('\n')), forms)).toBe(false);
    expect(filesWith(pool.folder, forms)).toEqual([]);
    const processes = [...pool.started.map(({ processId }) => processId), tunnel.processId];
    expect(processes.filter((processId) => holdsAny(argumentsOf(processId), forms))).toEqual([]);
  });

  it('is in the memory of no instance that had no need of it, and so in no core dump', () => {
    const holding = pool.started.filter(({ processId }) => memoryHolds(processId, forms));
    expect(holding.map(({ name }) => name)).toEqual([]);
  });
});

describe('the keys of the pool', () => {
  it('stand in the files they belong into and nowhere else', async () => {
    const { poolSecret } = loadGatewayConfig({ kind: 'file', path: pool.configFile });
    const secret = formsOf(poolSecret.reveal());
    expect(filesWith(pool.folder, secret)).toEqual([pool.configFile]);
    const admin = formsOf(pool.profile().key.reveal());
    expect(filesWith(pool.folder, admin)).toEqual([pool.profileFile]);
    for (const key of [secret, admin]) {
      expect(printed.filter(({ stdout, stderr }) => holdsAny(Buffer.from(stdout + stderr), key))).toEqual([]);
      for (const { lines } of pool.started) expect(holdsAny(Buffer.from(lines.join('\n')), key)).toBe(false);
    }
    expect(pool.started.map(({ processId }) => memoryHolds(processId, admin))).toEqual([false, false]);
  });
});
