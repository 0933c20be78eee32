import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/wire/codec.ts';
import { gossipCodec } from '../../../src/wire/mesh-message.ts';
import { type Policy, policySeal } from '../../../src/wire/policy.ts';
import { seal } from '../../../src/wire/sealed.ts';
import { EPOCH_UNIX_MS, GATEWAY_UID } from '../jobs/small-gateway.ts';
import { begin, grantIn } from '../jobs/small-grants.ts';
import { type Instance, SmallPool } from '../jobs/small-pool.ts';

function policyIn(pool: SmallPool, changes: Partial<Policy> = {}): Uint8Array {
  const policy = {
    ...{ gatewayUid: GATEWAY_UID, version: 1, issuedUnixMs: EPOCH_UNIX_MS + pool.nowMs, limitVersion: 1 },
    ...{ adminKeys: [pool.admin.id], threshold: 1, revocations: [], evictions: [] },
    ...changes,
  };
  return seal(policySeal, policy, [pool.admin]);
}

function revoking(pool: SmallPool, subject: string): Partial<Policy> {
  return { revocations: [{ subject, revokedUnixMs: EPOCH_UNIX_MS + pool.nowMs, untilUnixMs: null }] };
}

function evicting({ key }: Instance): Partial<Policy> {
  return { evictions: [{ instanceId: key.id, evictedUnixMs: EPOCH_UNIX_MS }] };
}

function offer(pool: SmallPool, to: Instance, sealed: Uint8Array): readonly unknown[] {
  return pool.offer(to, (ticket) => ({ kind: 'offer-policy', sealed, ticket }));
}

function stateSeenBy(pool: SmallPool, { machine }: Instance, of: Instance): string | undefined {
  return machine.view({ atMs: pool.nowMs }).members.find(({ record }) => record.instanceId === of.key.id)?.state;
}

describe('a revoked grant', () => {
  it('ends its sessions on every instance within two seconds, and begins none any more', () => {
    const pool = new SmallPool({ instances: 5 }).form();
    const grant = grantIn(pool);
    const sessions = Array.from({ length: 10 }, () => begin(pool, grant));
    const answers = offer(pool, pool.at(3), policyIn(pool, revoking(pool, 'grant-1')));
    pool.runUntil(() => pool.instances.flatMap(({ cancels }) => cancels).length === sessions.length, 2000);
    expect(answers).toEqual([{ kind: 'done' }]);
    const { sealed } = pool.request(pool.at(0), { caller: pool.user.id, grant }, pool.user);
    expect(pool.submit(pool.at(0), sealed)).toMatchObject([
      { failure: { code: 'not-allowed', message: 'the grant of alice was revoked' } },
    ]);
    const ids = sessions.map(({ jobId }) => jobId).sort();
    expect(pool.instances.flatMap(({ cancels }) => cancels).sort()).toEqual(ids);
  });

  it('stays revoked on an instance that heard nothing of it, and across a restart of all', () => {
    const pool = new SmallPool({ instances: 3 }).form();
    const deaf = pool.at(2);
    pool.fate = (message, _from, to) => (to === deaf && message.kind === 'policies' ? 'drop' : 'deliver');
    pool.gossipFate = (bytes, to) =>
      to === deaf && decode(gossipCodec, bytes, bytes.length).kind === 'policy' ? 'drop' : 'deliver';
    offer(pool, pool.at(0), policyIn(pool, revoking(pool, 'grant-1')));
    pool.run(3000);
    expect(deaf.machine.policy.chain).toEqual([]);
    pool.fate = () => 'deliver';
    pool.runUntil(() => deaf.machine.policy.chain.length === 1, 2500);
    for (const instance of pool.instances) pool.kill(instance);
    for (const instance of pool.instances) pool.restart(instance);
    expect(pool.instances.map(({ machine }) => machine.policy.chain.length)).toEqual([1, 1, 1]);
  });

  it('counts only once it is on disk', () => {
    const pool = new SmallPool({ instances: 1 }).form();
    const { jobId } = begin(pool, grantIn(pool));
    pool.at(0).diskFails = true;
    const answers = offer(pool, pool.at(0), policyIn(pool, revoking(pool, 'grant-1')));
    pool.run(1000);
    expect(answers).toMatchObject([{ kind: 'refused', failure: { code: 'storage-failed' } }]);
    expect([pool.at(0).cancels, pool.at(0).machine.policy.chain]).toEqual([[], []]);
    pool.at(0).diskFails = false;
    offer(pool, pool.at(0), policyIn(pool, revoking(pool, 'grant-1')));
    pool.run(1000);
    expect(pool.at(0).cancels).toEqual([jobId]);
  });

  it('is refused with its reason when the version is not higher', () => {
    const pool = new SmallPool({ instances: 1 }).form();
    offer(pool, pool.at(0), policyIn(pool, { version: 4 }));
    pool.run(100);
    expect(offer(pool, pool.at(0), policyIn(pool, { version: 3 }))).toMatchObject([
      { failure: { code: 'policy-refused', message: expect.stringContaining('sign version 5') } },
    ]);
  });
});

describe('an evicted instance', () => {
  it('ends with the reason; its seat is gone in every view and its jobs are lost', () => {
    const pool = new SmallPool({ instances: 5 }).form();
    const begun = Array.from({ length: 10 }, () => begin(pool, grantIn(pool)));
    const victim = begun[0]?.worker ?? pool.at(0);
    const others = pool.instances.filter((instance) => instance !== victim);
    offer(pool, others[0] ?? victim, policyIn(pool, evicting(victim)));
    pool.runUntil(() => !victim.running && others.every((one) => stateSeenBy(pool, one, victim) === 'evicted'), 2000);
    expect(victim.notes).toContain('evicted');
    for (const { machine } of others) expect(machine.view({ atMs: pool.nowMs }).admission.seatsHeld).toBe(4);
    for (const { jobId } of begun.filter(({ worker }) => worker === victim))
      expect(pool.query(others[1] ?? victim, jobId)).toMatchObject({ state: 'lost' });
  });

  it('cannot come back, with its data directory or with only its identity', () => {
    const pool = new SmallPool({ instances: 3 }).form();
    const victim = pool.at(1);
    offer(pool, pool.at(0), policyIn(pool, evicting(victim)));
    pool.runUntil(() => !victim.running, 2000);
    pool.restart(victim);
    expect(victim.running).toBe(false);
    victim.disk.splice(0);
    pool.restart(victim);
    expect(victim.running).toBe(true);
    pool.runUntil(() => !victim.running, 1000);
    expect([0, 2].map((number) => stateSeenBy(pool, pool.at(number), victim))).toEqual(['evicted', 'evicted']);
  });

  it('that does not obey is neither heard nor kept linked', () => {
    const pool = new SmallPool({ instances: 3 }).form();
    const victim = pool.at(1);
    // It throws away what it is told.
    pool.fate = (message, _from, to) => (to === victim && message.kind === 'policies' ? 'drop' : 'deliver');
    pool.gossipFate = (_bytes, to) => (to === victim ? 'drop' : 'deliver');
    offer(pool, pool.at(0), policyIn(pool, evicting(victim)));
    pool.run(5000);
    expect(victim.running).toBe(true);
    for (const number of [0, 2]) {
      const { machine, disconnects } = pool.at(number);
      expect(machine.view({ atMs: pool.nowMs }).admission.seatsHeld).toBe(2);
      expect(disconnects).toContain(victim.key.id);
    }
  });
});
