/** What every vault must keep, whatever is behind it: one suite, run against each provider. */

import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import type { Credential, CredentialSet, Vault } from '../../src/vault/index.ts';

/** A vault with one record that has a credential, and one that has none. */
export interface VaultUnderTest {
  readonly vault: Vault;
  readonly recordId: string;
  readonly emptyRecordId: string;
}

/** The credential that the record has at first. */
export const FIRST: Credential = {
  user: 'root',
  password: new Secret('first password'),
  privateKey: null,
  passphrase: null,
  certificate: null,
};

const JOB = 'job-of-the-rotation-00';
const signal = new AbortController().signal;

/** Runs the suite; `create` makes a fresh vault. */
export function describeVault(name: string, create: () => Promise<VaultUnderTest>): void {
  describe(`the vault "${name}"`, () => {
    it('gives the credential of a record, and none where there is none', async () => {
      const { vault, recordId, emptyRecordId } = await create();
      const set = await vault.read(recordId, signal);
      expect(set.recordId).toBe(recordId);
      expect(shown(set)).toEqual(['active first password']);
      expect(set.versions[0]?.credential.user).toBe('root');
      expect((await vault.read(emptyRecordId, signal)).versions).toEqual([]);
    });

    it('does not know every record', async () => {
      const { vault } = await create();
      await expect(vault.read('unknown-record-0000000', signal)).rejects.toMatchObject({ code: 'not-found' });
    });

    it('stages beside the active one, and commits to it', async () => {
      const { vault, recordId } = await create();
      const before = await vault.read(recordId, signal);
      const staged = await vault.change(before, stage('second'), signal);
      expect(shown(staged)).toEqual(['active first password', 'pending second']);
      expect(staged.versions[0]?.versionId).toBe(before.versions[0]?.versionId);
      expect(staged.versions[1]).toMatchObject({ jobId: JOB });
      const committed = await vault.change(staged, { kind: 'commit', versionId: pending(staged) }, signal);
      expect(shown(committed)).toEqual(['active second', 'previous first password']);
      expect(committed.versions.map(({ versionId }) => versionId)).toEqual(
        [...staged.versions].reverse().map(({ versionId }) => versionId),
      );
      expect(shown(await vault.read(recordId, signal))).toEqual(shown(committed));
    });

    it('stages every part of a credential', async () => {
      const { vault, emptyRecordId: recordId } = await create();
      const credential = {
        user: 'deploy',
        password: null,
        privateKey: new Secret('-----BEGIN OPENSSH PRIVATE KEY-----\nkey\n'),
        passphrase: new Secret('open sesame'),
        certificate: 'ssh-ed25519-cert-v01@openssh.com AAAA',
      };
      const staged = await vault.change(
        await vault.read(recordId, signal),
        { kind: 'stage', credential, jobId: JOB },
        signal,
      );
      const committed = await vault.change(staged, { kind: 'commit', versionId: pending(staged) }, signal);
      for (const set of [staged, committed]) {
        const [version] = set.versions;
        expect(version?.credential).toMatchObject({
          user: 'deploy',
          password: null,
          certificate: credential.certificate,
        });
        expect(version?.credential.privateKey?.reveal()).toBe(credential.privateKey.reveal());
        expect(version?.credential.passphrase?.reveal()).toBe('open sesame');
      }
      expect(committed.versions.map(({ state }) => state)).toEqual(['active']);
    });

    it('discards what did not work, and never the only active one', async () => {
      const { vault, recordId } = await create();
      const staged = await vault.change(await vault.read(recordId, signal), stage('second'), signal);
      const discarded = await vault.change(staged, { kind: 'discard', versionId: pending(staged) }, signal);
      expect(shown(discarded)).toEqual(['active first password']);
      const versionId = discarded.versions[0]?.versionId ?? '';
      await expect(vault.change(discarded, { kind: 'discard', versionId }, signal)).rejects.toMatchObject({
        code: 'vault-conflict',
      });
    });

    it('refuses a change made from a revision that is no longer the last', async () => {
      const { vault, recordId } = await create();
      const before = await vault.read(recordId, signal);
      await vault.change(before, stage('second'), signal);
      await expect(vault.change(before, stage('third'), signal)).rejects.toMatchObject({ code: 'vault-conflict' });
      expect(shown(await vault.read(recordId, signal))).toEqual(['active first password', 'pending second']);
    });

    it('lets one of several through that change the same at once', async () => {
      const { vault, recordId } = await create();
      const before = await vault.read(recordId, signal);
      const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((to) => vault.change(before, stage(to), signal)));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'vault-conflict' });
      expect((await vault.read(recordId, signal)).versions).toHaveLength(2);
    });

    it('does not know every version', async () => {
      const { vault, recordId } = await create();
      const set = await vault.read(recordId, signal);
      await expect(vault.change(set, { kind: 'commit', versionId: 'unknown' }, signal)).rejects.toMatchObject({
        code: 'not-found',
      });
    });

    it('does nothing for who has given up', async () => {
      const { vault, recordId } = await create();
      const gone = AbortSignal.abort();
      const set = await vault.read(recordId, signal);
      await expect(vault.read(recordId, gone)).rejects.toMatchObject({ code: 'cancelled' });
      await expect(vault.change(set, stage('second'), gone)).rejects.toMatchObject({ code: 'cancelled' });
    });

    it('shows no secret by accident', async () => {
      const { vault, recordId } = await create();
      expect(JSON.stringify(await vault.read(recordId, signal))).not.toContain('first password');
    });
  });
}

function stage(password: string) {
  return { kind: 'stage', credential: { ...FIRST, password: new Secret(password) }, jobId: JOB } as const;
}

function pending({ versions }: CredentialSet): string {
  return versions.find(({ state }) => state === 'pending')?.versionId ?? '';
}

function shown({ versions }: CredentialSet): readonly string[] {
  return versions.map(({ state, credential }) => `${state} ${credential.password?.reveal()}`);
}
