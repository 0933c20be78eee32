/** Who is shown a record's secrets, and that nobody is before it stands in the audit. */

import { describe, expect, it } from 'vitest';
import { type AccessClient, connectAccess } from '../../src/access/index.ts';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import { Secret } from '../../src/base/secret.ts';
import { askReveal } from '../../src/vault/client.ts';
import { grantSeal, type Permission } from '../../src/wire/grant.ts';
import { seal } from '../../src/wire/sealed.ts';
import { NO_CREDENTIAL } from '../workloads/memory-vault.ts';
import { admin, connectAdmin, poolKey, soon, TestMember, TestPool, testSeed } from './pool.ts';
import { closeAfterEach } from './world.ts';

const closeLater = closeAfterEach();
const user = keyPairFromSeed(testSeed('user'));

async function start() {
  const pool = new TestPool();
  const record = pool.addRecord('192.0.2.1', 22, 'web-1');
  const member = await new TestMember(pool, 'member-0').start();
  member.vault.set(record.recordId, { ...NO_CREDENTIAL, user: 'root', password: new Secret('open sesame') });
  closeLater(() => member.stop());
  return { pool, member, record };
}

async function connectUser(pool: TestPool, member: TestMember, allow: readonly Permission[]): Promise<AccessClient> {
  const facts = { gatewayUid: pool.uid, grantId: 'grant-1', name: 'ann', userKey: user.id, allow };
  const grant = seal(grantSeal, { ...facts, issuedUnixMs: 1, expiresUnixMs: null, conditions: null }, [admin]);
  const init = { keySeed: testSeed('user'), grant, addresses: [member.address()], poolKey: poolKey.id };
  const client = await connectAccess(init, soon());
  closeLater(() => client.stop());
  return client;
}

async function reveal(client: AccessClient, gatewayUid: string, recordId: string): Promise<readonly unknown[]> {
  const asked = askReveal(gatewayUid);
  const request = { kind: 'reveal', recordId, recipient: asked.recipient } as const;
  const { entries } = await client.request(request, 'revealed', soon());
  expect(Buffer.concat(entries.map(({ box }) => box)).toString('latin1')).not.toContain('open sesame');
  return asked.open(recordId, entries).map(({ credential }) => credential.password?.reveal());
}

describe('secrets', () => {
  it('are shown to an admin, and that stands in the audit', async () => {
    const { pool, member, record } = await start();
    const client = await connectAdmin([member]);
    closeLater(() => client.stop());
    expect(await reveal(client, pool.uid, record.recordId)).toEqual(['open sesame']);
    const told = { kind: 'credential-revealed', recordId: record.recordId, caller: admin.id, outcome: '1 shown' };
    expect(member.recorded).toContainEqual(expect.objectContaining(told));
    expect(JSON.stringify(member.recorded)).not.toContain('open sesame');
  });

  it('are shown to a user whose grant says so', async () => {
    const { pool, member, record } = await start();
    const client = await connectUser(pool, member, [{ kind: 'reveal', record: 'web-*' }]);
    expect(await reveal(client, pool.uid, record.recordId)).toEqual(['open sesame']);
  });

  it.each([
    ['every kind of job', '*', '*', 'not-allowed'],
    ['one kind of job', 'tunnel', 'web-1', 'not-allowed'],
    ['secrets of other records', 'reveal', 'db-*', 'not-found'],
  ])('are not shown to a user who may have %s', async (_, kind, named, code) => {
    const { pool, member, record } = await start();
    const client = await connectUser(pool, member, [{ kind, record: named }]);
    await expect(reveal(client, pool.uid, record.recordId)).rejects.toMatchObject({ code });
    expect(member.recorded).not.toContainEqual(expect.objectContaining({ kind: 'credential-revealed' }));
  });

  it('are shown to nobody while nothing can be written to the audit', async () => {
    const { pool, member, record } = await start();
    const client = await connectAdmin([member]);
    closeLater(() => client.stop());
    member.auditFailure = 'no space left on device';
    await expect(reveal(client, pool.uid, record.recordId)).rejects.toMatchObject({ code: 'storage-failed' });
  });
});
