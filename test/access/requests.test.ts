import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, it } from 'vitest';
import { BufferReclaim } from '../../src/access/buffer-reclaim.ts';
import { ControlClient } from '../../src/access/client/control.ts';
import { type AccessClient, connectAccess } from '../../src/access/index.ts';
import { createAccessNode } from '../../src/access/node.ts';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import type { AccessAnswer, AccessRequest } from '../../src/wire/access-message.ts';
import { type Grant, grantSeal } from '../../src/wire/grant.ts';
import { Protocol } from '../../src/wire/protocols.ts';
import { seal } from '../../src/wire/sealed.ts';
import { admin, connectAdmin, poolKey, soon, TestMember, TestPool, testSeed } from './pool.ts';
import { closeAfterEach } from './world.ts';

const closeLater = closeAfterEach();
const user = keyPairFromSeed(testSeed('user'));
const stranger = keyPairFromSeed(testSeed('stranger'));
const BYTES = new Uint8Array([1, 2, 3]);
const JOB_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

/** One request of every kind but `hello`. */
const REQUESTS: readonly Exclude<AccessRequest, { kind: 'hello' }>[] = [
  { kind: 'submit', request: BYTES },
  { kind: 'job-info', jobId: JOB_ID },
  { kind: 'job-trace', jobId: JOB_ID },
  { kind: 'job-cancel', jobId: JOB_ID, reason: 'no' },
  { kind: 'pool-view', after: null },
  { kind: 'offer-limit', sealed: BYTES },
  { kind: 'offer-record', sealed: BYTES },
  { kind: 'list-records', match: null, after: null },
  { kind: 'drain-member', command: BYTES },
  { kind: 'list-editions', recordId: JOB_ID },
  { kind: 'offer-edition', sealed: BYTES },
  { kind: 'reveal', recordId: JOB_ID, recipient: 'A'.repeat(43) },
  { kind: 'list-jobs', jobKind: 'discovery', parent: null },
];

type AdminRequest = Extract<AccessRequest, { kind: 'offer-limit' | 'offer-record' | 'offer-edition' | 'drain-member' }>;
type RecordPage = Extract<AccessAnswer, { kind: 'records' }>;

function requestOf(kind: AdminRequest['kind']): AdminRequest {
  switch (kind) {
    case 'drain-member':
      return { kind: 'drain-member', command: BYTES };
    case 'offer-limit':
    case 'offer-edition':
      return { kind, sealed: BYTES };
    default:
      return { kind: 'offer-record', sealed: BYTES };
  }
}

function grantOf(pool: TestPool, changes: Partial<Grant> = {}, signers = [admin]): Uint8Array {
  const grant: Grant = {
    gatewayUid: pool.uid,
    grantId: 'grant-1',
    name: 'ann',
    userKey: user.id,
    allow: [{ kind: 'tunnel', record: 'web-*' }],
    issuedUnixMs: 1,
    expiresUnixMs: null,
    conditions: null,
    ...changes,
  };
  return seal(grantSeal, grant, signers);
}

async function startMember(): Promise<{ pool: TestPool; member: TestMember }> {
  const pool = new TestPool();
  const member = await new TestMember(pool, 'member-0').start();
  closeLater(() => member.stop());
  return { pool, member };
}

/** A control stream of somebody with that key who has said nothing yet. */
async function openControl(member: TestMember, label: string): Promise<ControlClient> {
  const node = await createAccessNode({
    keySeed: testSeed(label),
    listen: [],
    announce: [],
    reclaim: new BufferReclaim(),
  });
  await node.start();
  closeLater(async () => void (await node.stop()));
  const connection = await node.dial(multiaddr(`/ip4/127.0.0.1/tcp/${member.tcpPort()}`));
  return new ControlClient(await connection.newStream(Protocol.accessControl));
}

async function connectUser(member: TestMember, grant: Uint8Array | null): Promise<AccessClient> {
  const addresses = [member.address()];
  const client = await connectAccess({ keySeed: testSeed('user'), grant, addresses, poolKey: poolKey.id }, soon());
  closeLater(() => client.stop());
  return client;
}

describe('a caller without a key', () => {
  it.each(REQUESTS)('is refused: $kind', async (request) => {
    const { member } = await startMember();
    const control = await openControl(member, 'stranger');
    const answer = await control.request(request, soon());
    expect(answer).toMatchObject({ kind: 'refused', failure: { code: 'not-allowed' } });
    expect(member.offered).toEqual([]);
  });

  it('is refused still after a hello that was refused', async () => {
    const { member, pool } = await startMember();
    const control = await openControl(member, 'stranger');
    const hello = await control.request({ kind: 'hello', grant: grantOf(pool) }, soon());
    expect(hello).toMatchObject({ kind: 'refused', failure: { code: 'not-allowed' } });
    for (const request of REQUESTS) {
      expect(await control.request(request, soon())).toMatchObject({ failure: { code: 'not-allowed' } });
    }
    expect(member.offered).toEqual([]);
  });
});

describe('a grant', () => {
  it.each([
    ['none', null, 'is no admin key of this gateway and showed no grant'],
    ['for another key', { userKey: stranger.id }, `the grant is for key ${stranger.id}`],
    ['for another gateway', { gatewayUid: 'other' }, 'the grant is for gateway other; this is AAECAwQFBgcICQoLDA0ODw'],
    ['expired', { expiresUnixMs: 1000 }, 'the grant expired at 1970-01-01T00:00:01.000Z'],
  ] as const)('is refused: %s', async (_what, changes, message) => {
    const { pool, member } = await startMember();
    const grant = changes === null ? null : grantOf(pool, changes);
    await expect(connectUser(member, grant)).rejects.toMatchObject({
      code: 'not-allowed',
      message: expect.stringContaining(message),
    });
  });

  it('is refused when nobody or a stranger signed it', async () => {
    const { pool, member } = await startMember();
    const missing = 'the grant carries 0 admin signatures of this gateway; 1 are needed';
    for (const signers of [[], [stranger]]) {
      await expect(connectUser(member, grantOf(pool, {}, signers))).rejects.toMatchObject({ message: missing });
    }
  });

  it('is refused when a byte of it was changed', async () => {
    const { pool, member } = await startMember();
    const grant = grantOf(pool);
    grant[grant.length - 1] = (grant.at(-1) ?? 0) ^ 1;
    await expect(connectUser(member, grant)).rejects.toMatchObject({ code: 'not-allowed' });
  });
});

describe('a user', () => {
  it('sees the records that the grant allows, by title or id', async () => {
    const { pool, member } = await startMember();
    const titles = ['web-1', 'db-1', 'web-2'];
    for (const title of titles) pool.addRecord('127.0.0.1', 1, title);
    const client = await connectUser(member, grantOf(pool));
    const { records } = await client.request({ kind: 'list-records', match: null, after: null }, 'records', soon());
    expect(records.map(({ title }) => title).sort()).toEqual(['web-1', 'web-2']);
    const found = await client.request({ kind: 'list-records', match: 'db-1', after: null }, 'records', soon());
    expect(found.records).toEqual([]);
  });

  it.each(['offer-limit', 'offer-record', 'offer-edition', 'drain-member'] as const)(
    'may not do what admins do: %s',
    async (kind) => {
      const { pool, member } = await startMember();
      const client = await connectUser(member, grantOf(pool));
      const request = requestOf(kind);
      await expect(client.request(request, 'done', soon())).rejects.toMatchObject({ code: 'not-allowed' });
      expect(member.offered).toEqual([]);
    },
  );

  it('learns nothing about the jobs of others, and cannot cancel them', async () => {
    const { pool, member } = await startMember();
    const record = pool.addRecord('127.0.0.1', 1, 'web-1');
    const own = await connectAdmin([member]);
    closeLater(() => own.stop());
    const { jobId } = await own.submit({ kind: 'tunnel', recordId: record.recordId }, soon());
    const client = await connectUser(member, grantOf(pool));
    for (const kind of ['job-info', 'job-trace'] as const) {
      await expect(client.request({ kind, jobId }, 'job', soon())).rejects.toMatchObject({ code: 'not-found' });
    }
    const cancelling = client.request({ kind: 'job-cancel', jobId, reason: '' }, 'done', soon());
    await expect(cancelling).rejects.toMatchObject({ code: 'not-found' });
    expect(member.offered).toEqual(['submit']);
  });

  it('asks about and cancels jobs of its own', async () => {
    const { pool, member } = await startMember();
    const record = pool.addRecord('127.0.0.1', 1, 'web-1');
    const client = await connectUser(member, grantOf(pool));
    const { jobId } = await client.submit({ kind: 'tunnel', recordId: record.recordId }, soon());
    const { notice } = await client.request({ kind: 'job-info', jobId }, 'job', soon());
    expect(notice).toMatchObject({ jobId, caller: user.id, worker: member.id, state: 'accepted' });
    await client.request({ kind: 'job-cancel', jobId, reason: '' }, 'done', soon());
    expect(member.offered).toEqual(['submit', 'cancel-job']);
  });
});

describe('the audit', () => {
  const asked = { kind: 'audit-page', after: null, most: 5, match: null } as const;

  it('is read by a user whose grant says so by name, and by nobody else', async () => {
    const { pool, member } = await startMember();
    const everything = await connectUser(member, grantOf(pool, { allow: [{ kind: '*', record: '*' }] }));
    await expect(everything.request(asked, 'audit', soon())).rejects.toMatchObject({ code: 'not-allowed' });
    const auditor = await connectUser(member, grantOf(pool, { allow: [{ kind: 'audit', record: '*' }] }));
    expect(await auditor.request(asked, 'audit', soon())).toMatchObject({ instanceId: member.id, end: 0 });
  });

  it('is told who came, what they asked for and what they were denied', async () => {
    const { pool, member } = await startMember();
    const client = await connectUser(member, grantOf(pool));
    await expect(client.request(requestOf('offer-limit'), 'done', soon())).rejects.toMatchObject({
      code: 'not-allowed',
    });
    const own = await connectAdmin([member]);
    closeLater(() => own.stop());
    await own.request(requestOf('offer-limit'), 'done', soon());
    await own.request({ kind: 'pool-view', after: null }, 'pool', soon());
    const told = member.recorded.map((event) => ({ ...event, address: null, reason: null }));
    expect(told).toMatchObject([
      { kind: 'client-welcomed', caller: user.id, role: 'user' },
      { kind: 'denied', caller: user.id, what: 'offer-limit', code: 'not-allowed' },
      { kind: 'client-welcomed', caller: admin.id, role: 'admin' },
      { kind: 'requested', caller: admin.id, what: 'offer-limit', outcome: 'done' },
    ]);
  });

  it('that cannot be written lets nobody begin anything', async () => {
    const { pool, member } = await startMember();
    const record = pool.addRecord('127.0.0.1', 1, 'web-1');
    const client = await connectUser(member, grantOf(pool));
    member.auditFailure = 'ENOSPC';
    await expect(client.submit({ kind: 'tunnel', recordId: record.recordId }, soon())).rejects.toMatchObject({
      code: 'storage-failed',
      message: expect.stringContaining('ENOSPC'),
    });
    expect(member.offered).toEqual([]);
  });
});

describe('an admin', () => {
  it.each(['offer-limit', 'offer-record', 'offer-edition', 'drain-member'] as const)('may %s', async (kind) => {
    const { member } = await startMember();
    const client = await connectAdmin([member]);
    closeLater(() => client.stop());
    const request = requestOf(kind);
    await client.request(request, 'done', soon());
    expect(member.offered).toEqual([kind]);
  });

  it('sees all members and all records, page by page', async () => {
    const { pool, member } = await startMember();
    for (let place = 0; place < 450; place++) pool.addRecord('127.0.0.1', 1, `record ${place}`);
    const client = await connectAdmin([member]);
    closeLater(() => client.stop());
    const titles: string[] = [];
    let after: string | null = null;
    let pages = 0;
    do {
      const page: RecordPage = await client.request({ kind: 'list-records', match: null, after }, 'records', soon());
      titles.push(...page.records.map(({ title }) => title));
      after = page.next;
      pages += 1;
    } while (after !== null);
    expect([pages, new Set(titles).size]).toEqual([3, 450]);
    const { members, limitVersion, next } = await client.request({ kind: 'pool-view', after: null }, 'pool', soon());
    expect([members.map(({ instanceId }) => instanceId), limitVersion, next]).toEqual([[member.id], 1, null]);
  });
});
