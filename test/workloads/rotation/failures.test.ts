/** What goes wrong has a name of its own, and the old credential still works. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/base/errors.ts';
import type { Vault } from '../../../src/vault/index.ts';
import type { TargetRecord } from '../../../src/wire/record.ts';
import { FENCE_MS } from '../../../src/workloads/rotation/rotate.ts';
import { targetOf } from '../../../src/workloads/rotation/targets.ts';
import { type PostgresServer, postgresMissing, startPostgres } from '../../e2e/targets/postgres-server.ts';
import { freePort } from '../../e2e/targets/service.ts';
import { NEVER, newJobId, passwordCredential, RotationBench } from './rotation-bench.ts';

const FIRST = 'The-first-passw0rd';

describe.skipIf(postgresMissing() !== undefined)('a rotation', { timeout: 60_000 }, () => {
  let server: PostgresServer;
  const strangers: Server[] = [];
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    for (const stranger of strangers) stranger.close();
    await server?.stop();
  });

  async function account(
    bench: RotationBench,
    name: string,
    change: Partial<TargetRecord> = {},
  ): Promise<TargetRecord> {
    await server.addRole({ name, password: FIRST, authentication: 'scram-sha-256' });
    return bench.add({ protocol: 'postgres', port: server.port, ...change }, passwordCredential(name, FIRST));
  }

  /** The vault holds exactly the old credential, and the server lets it in. */
  async function expectUntouched(bench: RotationBench, record: TargetRecord): Promise<void> {
    const active = await bench.active(record);
    expect(active.password?.reveal()).toBe(FIRST);
    expect(await bench.versions(record, 'pending')).toEqual([]);
    const there = { ...record, port: server.port };
    await targetOf(there, active, '').login(
      { record: there, user: active.user ?? '' },
      active,
      AbortSignal.timeout(20_000),
    );
  }

  it('with a wrong admin credential says whose it is', async () => {
    const bench = new RotationBench();
    const admin = bench.add({}, passwordCredential(server.user, 'wrong'));
    const record = await account(bench, 'wrong-admin', { labels: [{ key: 'rotation.admin', value: admin.recordId }] });
    const { error } = await bench.rotate(record);
    expect(error).toMatchObject({ code: 'credential-refused' });
    expect(error?.message).toBe(
      'the target refuses the admin credential of postgres; nothing has changed, the old credential of wrong-admin is in force',
    );
    await expectUntouched(bench, record);
  });

  it('by an admin who may not says so', async () => {
    const bench = new RotationBench();
    await server.addRole({ name: 'nobody-special', password: FIRST, authentication: 'scram-sha-256' });
    const admin = bench.add({}, passwordCredential('nobody-special', FIRST));
    const record = await account(bench, 'powerless', { labels: [{ key: 'rotation.admin', value: admin.recordId }] });
    expect((await bench.rotate(record)).error).toMatchObject({ code: 'not-allowed' });
    await expectUntouched(bench, record);
  });

  it('of a target that is down says that nothing listens there', async () => {
    const bench = new RotationBench();
    const record = await account(bench, 'down', { port: await freePort() });
    const { error } = await bench.rotate(record);
    expect(error).toMatchObject({ code: 'target-refused' });
    expect(error?.message).toContain('nothing listens there');
    await expectUntouched(bench, record);
  });

  it('of a target that hangs is given up in time', async () => {
    const bench = new RotationBench();
    const record = await account(bench, 'hanging', { port: await silentPort() });
    const { error } = await bench.rotate(record);
    expect(error).toMatchObject({ code: 'target-timeout' });
    expect(error?.message).toMatch(/the login was not finished within \d+ s/);
    await expectUntouched(bench, record);
  });

  it('that collides with another one in the vault changes nothing', async () => {
    const bench = new RotationBench();
    const record = await account(bench, 'collides');
    bench.seen = changing(bench.vault, (change) => {
      if (change.kind === 'stage') throw new GatewayError('vault-conflict', 'the record changed meanwhile');
    });
    expect((await bench.rotate(record)).error).toMatchObject({ code: 'vault-conflict' });
    await expectUntouched(bench, record);
  });

  it('commits although the vault has changed since it was staged', async () => {
    const bench = new RotationBench();
    const record = await account(bench, 'late-conflict');
    let conflicts = 2;
    bench.seen = changing(bench.vault, (change) => {
      if (change.kind === 'commit' && conflicts-- > 0) throw new GatewayError('vault-conflict', 'changed meanwhile');
    });
    expect(await bench.rotate(record)).toMatchObject({ state: 'succeeded' });
    expect((await bench.active(record)).password?.reveal()).not.toBe(FIRST);
  });

  it('with a credential that is not true any more touches nothing', async () => {
    const bench = new RotationBench();
    const record = await account(bench, 'outdated');
    await server.sql(`ALTER ROLE outdated PASSWORD 'set by somebody else'`);
    expect((await bench.rotate(record)).error).toMatchObject({ code: 'credential-refused' });
    expect(await bench.versions(record, 'pending')).toEqual([]);
  });

  it('lets a login settle which of two credentials is true', async () => {
    const bench = new RotationBench();
    const record = await account(bench, 'two-claims');
    const { revision } = await bench.vault.read(record.recordId, NEVER);
    bench.vault.setBeside(record.recordId, passwordCredential('two-claims', 'never set'));
    expect(revision).not.toBe('');
    expect(await bench.rotate(record)).toMatchObject({ state: 'succeeded' });
  });

  it('as a dry run looks and leaves', async () => {
    const bench = new RotationBench();
    const record = await account(bench, 'dry');
    const outcome = await bench.rotate(record, { dryRun: true });
    expect(outcome).toMatchObject({ state: 'succeeded', message: 'dry run: dry (PostgreSQL role) can be rotated' });
    await expectUntouched(bench, record);
  });

  it('is refused while another one of its record runs', async () => {
    const bench = new RotationBench();
    const record = await account(bench, 'busy');
    const jobId = newJobId();
    await stage(bench, record, jobId, 'half way');
    bench.setJob(jobId, record, 'running');
    expect((await bench.rotate(record)).error).toMatchObject({ code: 'already-exists' });
    expect(await bench.versions(record, 'pending')).toHaveLength(1);
  });

  it.each([
    ['had been set', true],
    ['had not been set', false],
  ])(
    'settles what a lost one left staged that %s, and begins anew only when that can act no more',
    async (_what, wasSet) => {
      const bench = new RotationBench();
      const name = `lost-${wasSet}`;
      const record = await account(bench, name);
      const jobId = newJobId();
      await stage(bench, record, jobId, 'of the lost one');
      if (wasSet) await server.sql(`ALTER ROLE "${name}" PASSWORD 'of the lost one'`);
      bench.setJob(jobId, record, 'lost');
      const { error } = await bench.rotate(record);
      expect(error).toMatchObject({ code: 'outcome-unknown' });
      expect((await bench.active(record)).password?.reveal()).toBe('of the lost one');
      bench.unixMs = () => Date.now() + FENCE_MS;
      expect(await bench.rotate(record)).toMatchObject({ state: 'succeeded' });
      expect((await bench.active(record)).password?.reveal()).not.toBe('of the lost one');
    },
  );

  it('that is taken up again stages nothing a second time', async () => {
    const bench = new RotationBench();
    const record = await account(bench, 'again');
    const jobId = newJobId();
    expect((await bench.rotate(record, { jobId, resumed: true })).error).toMatchObject({ code: 'cancelled' });
    await expectUntouched(bench, record);
    await bench.rotate(record, { jobId });
    const first = await bench.active(record);
    expect(await bench.rotate(record, { jobId, resumed: true })).toMatchObject({ state: 'succeeded' });
    expect(await bench.active(record)).toBe(first);
  });

  async function stage(bench: RotationBench, record: TargetRecord, jobId: string, password: string): Promise<void> {
    const { revision } = await bench.vault.read(record.recordId, NEVER);
    const credential = passwordCredential((await bench.active(record)).user, password);
    await bench.vault.change({ recordId: record.recordId, revision }, { kind: 'stage', credential, jobId }, NEVER);
  }

  async function silentPort(): Promise<number> {
    const stranger = createServer(() => undefined).listen(0, '127.0.0.1');
    strangers.push(stranger);
    await once(stranger, 'listening');
    const address = stranger.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  }
});

/** A vault in which something happens before each change. */
function changing(vault: Vault, before: (change: Parameters<Vault['change']>[1]) => void): Vault {
  return {
    name: vault.name,
    read: (recordId, signal) => vault.read(recordId, signal),
    change: async (at, change, signal) => {
      before(change);
      return vault.change(at, change, signal);
    },
  };
}
