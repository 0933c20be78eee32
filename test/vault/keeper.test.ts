/** What is Keeper's own about the Keeper vault: its answers for a wrong key, for too many requests, for a record changed by somebody else. */

import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { parseKeeperConfiguration } from '../../src/vault/keeper/configuration.ts';
import { RequestBudget } from '../../src/vault/keeper/request-budget.ts';
import { FIRST } from '../contracts/vault-contract.ts';
import { createKeeper, KEEPER_RECORD, pamUser, RECORD } from './keeper-application.ts';

const signal = new AbortController().signal;
const stage = { kind: 'stage', credential: { ...FIRST, password: new Secret('second') }, jobId: 'job' } as const;

describe('the Keeper vault', () => {
  it('follows the service to another of its keys, and not for ever', async () => {
    const { vault, fake } = createKeeper();
    fake.keyId = 10;
    expect((await vault.read(RECORD, signal)).versions).toHaveLength(1);
    expect(fake.requests).toHaveLength(2);
    const { vault: other, fake: fickle } = createKeeper();
    Object.defineProperty(fickle, 'keyId', { get: () => 8 + (fickle.requests.length % 2) });
    await expect(other.read(RECORD, signal)).rejects.toThrow('named another key 4 times');
  });

  it('waits as long as it is told when it has asked too often', async () => {
    const { vault, fake } = createKeeper();
    fake.throttled = 3;
    const sinceMs = performance.now();
    expect((await vault.read(RECORD, signal)).versions).toHaveLength(1);
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(150);
    expect(fake.requests).toHaveLength(4);
  });

  it('asks once for a burst of readers', async () => {
    const { vault, fake } = createKeeper();
    await Promise.all(Array.from({ length: 200 }, () => vault.read(RECORD, signal)));
    expect(fake.requests).toEqual(['get_secret']);
  });

  it('rotates in two steps, keeps what others wrote into the record, and shows the new password where Keeper does', async () => {
    const { vault, fake } = createKeeper();
    const staged = await vault.change(await vault.read(RECORD, signal), stage, signal);
    expect(passwordOf(fake.data(KEEPER_RECORD))).toBe('first password');
    fake.requests.length = 0;
    const versionId = staged.versions[1]?.versionId ?? '';
    await vault.change(staged, { kind: 'commit', versionId }, signal);
    expect(fake.requests).toEqual(['get_secret', 'update_secret', 'finalize_secret_update', 'get_secret']);
    expect(passwordOf(fake.data(KEEPER_RECORD))).toBe('second');
    expect(fake.data(KEEPER_RECORD)).toMatchObject({
      custom: expect.arrayContaining([{ type: 'text', label: 'owner', value: ['team-a'] }]),
    });
  });

  it('takes a rotation back whose second step fails', async () => {
    const { vault, fake } = createKeeper();
    const staged = await vault.change(await vault.read(RECORD, signal), stage, signal);
    fake.refusesCompletion = true;
    const versionId = staged.versions[1]?.versionId ?? '';
    await expect(vault.change(staged, { kind: 'commit', versionId }, signal)).rejects.toMatchObject({
      code: 'vault-conflict',
    });
    expect(passwordOf(fake.data(KEEPER_RECORD))).toBe('first password');
    expect((await vault.read(RECORD, signal)).versions.map(({ state }) => state)).toEqual(['active', 'pending']);
  });

  it('sees that somebody has changed the password in Keeper meanwhile', async () => {
    const { vault, fake } = createKeeper();
    const before = await vault.read(RECORD, signal);
    fake.edit(KEEPER_RECORD, pamUser('changed by a person'));
    await expect(vault.change(before, stage, signal)).rejects.toMatchObject({ code: 'vault-conflict' });
    const staged = await vault.change(await readFresh(vault), stage, signal);
    expect(staged.versions[0]?.credential.password?.reveal()).toBe('changed by a person');
  });

  it('knows its own change again when the answer was lost', async () => {
    const { vault, fake } = createKeeper();
    const before = await vault.read(RECORD, signal);
    fake.losesAnswer = true;
    const staged = await vault.change(before, stage, signal);
    expect(staged.versions.map(({ state }) => state)).toEqual(['active', 'pending']);
  });

  it('takes the credential of the account that a machine is linked to', async () => {
    const { vault, fake } = createKeeper();
    const link = {
      recordUid: 'admin-in-keeper',
      data: Buffer.from('{"is_launch_credential":true}').toString('base64'),
    };
    fake.add('admin-in-keeper', pamUser('of the account'));
    fake.add(KEEPER_RECORD, { type: 'pamMachine', fields: [{ type: 'pamHostname', value: [] }] }, [link]);
    expect((await vault.read(RECORD, signal)).versions[0]?.credential.password?.reveal()).toBe('of the account');
  });

  it('reads key pairs as Keeper keeps them', async () => {
    const { vault, fake } = createKeeper();
    const pair = { type: 'keyPair', value: [{ publicKey: 'ssh-ed25519 AAAA', privateKey: 'the private key' }] };
    fake.add(KEEPER_RECORD, { type: 'sshKeys', fields: [{ type: 'login', value: ['git'] }, pair] });
    const { credential } = (await vault.read(RECORD, signal)).versions[0] ?? {};
    expect([credential?.user, credential?.privateKey?.reveal()]).toEqual(['git', 'the private key']);
  });

  it('says when the record is not shared with the application', async () => {
    const { vault } = createKeeper();
    await expect(vault.read('unlinked', signal)).rejects.toMatchObject({
      code: 'not-found',
      remedy: 'Share it with the Secrets Manager application in Keeper.',
    });
  });
});

describe('the budget of requests', () => {
  it('is shared by the instances, for each endpoint', () => {
    const budget = new RequestBudget();
    const at = { nowMs: 0, instances: 20 };
    expect(Array.from({ length: 4 }, () => budget.take('get', at))).toEqual([0, 0, 0, 0]);
    expect(budget.take('get', at)).toBe(10_000);
    expect(budget.take('update', at)).toBe(0);
    expect(budget.take('get', { ...at, nowMs: 10_000 })).toBe(0);
  });

  it('leaves the silence that clears the counter', () => {
    const budget = new RequestBudget();
    budget.refused(0, 0);
    expect(budget.take('get', { nowMs: 1000, instances: 1 })).toBe(10_000);
    budget.refused(0, 3000);
    expect(budget.take('get', { nowMs: 1000, instances: 1 })).toBe(2000);
  });
});

describe('the configuration', () => {
  const parse = (text: string) => parseKeeperConfiguration({ text: new Secret(text), where: 'vault.configuration' });

  it.each([
    ['{"hostname":"keepersecurity.eu","clientId":"a","privateKey":"b"}', 'lacks appKey'],
    ['{"hostname":"h","clientId":"a","clientKey":"b"}', 'one-time token'],
    ['nonsense', 'neither JSON nor base64'],
    ['{"hostname":"evil/path","clientId":"a","privateKey":"b","appKey":"c"}', 'a hostname that is none'],
  ])('%s is refused', (text, reason) => {
    expect(() => parse(text)).toThrow(reason);
  });

  it('never shows a value', () => {
    expect(() => parse('{"privateKey":"very secret"')).toThrow(expect.not.stringContaining('very secret'));
  });
});

function passwordOf({ fields }: ReturnType<ReturnType<typeof createKeeper>['fake']['data']>): unknown {
  return fields.find(({ type }) => type === 'password')?.value[0];
}

/** Past the moment for which an answer is used again. */
async function readFresh(vault: ReturnType<typeof createKeeper>['vault']) {
  return expect
    .poll(async () => (await vault.read(RECORD, signal)).revision, { timeout: 3000 })
    .toContain('/2')
    .then(() => vault.read(RECORD, signal));
}
