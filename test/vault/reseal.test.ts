/** Credentials under a former pool secret, sealed anew under the present one. */

import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { agreementKeysFromSeed } from '../../src/base/x25519.ts';
import type { CredentialSet, EmbeddedVault } from '../../src/vault/index.ts';
import { createEmbeddedVault } from '../../src/vault/index.ts';
import { FIRST } from '../contracts/vault-contract.ts';
import { type EmbeddedSurroundings, surroundEmbedded } from './embedded-pool.ts';

const signal = new AbortController().signal;
const [OLD, NEW] = [new Secret(new Uint8Array(32).fill(5)), new Secret(new Uint8Array(32).fill(6))];
const JOB = 'A'.repeat(22);

function vaultOf(
  { port, signers }: EmbeddedSurroundings,
  keySeeds: readonly [Secret<Uint8Array>, ...Secret<Uint8Array>[]],
  countsFormer = false,
): EmbeddedVault {
  return createEmbeddedVault({ port, signers, keySeeds, countsFormer: () => countsFormer });
}

/** A set as it is to be again: without its revision, which every edition changes. */
function shown({ versions }: CredentialSet): unknown {
  return versions.map(({ credential, ...version }) => ({ ...version, password: credential.password?.reveal() }));
}

describe('credentials under a former secret', () => {
  it('are read and written while it counts, by those who know it alone and by those who know both', async () => {
    const around = await surroundEmbedded(OLD);
    const [alone, renewed] = [vaultOf(around, [OLD]), vaultOf(around, [NEW, OLD], true)];
    expect(renewed.publicKey).toEqual(agreementKeysFromSeed(OLD.reveal()).publicKey);
    const before = await renewed.read(around.recordId, signal);
    expect(shown(before)).toEqual(shown(await alone.read(around.recordId, signal)));
    const staged = await renewed.change(before, { kind: 'stage', credential: FIRST, jobId: JOB }, signal);
    expect(staged.versions).toHaveLength(2);
    expect(shown(await alone.read(around.recordId, signal))).toEqual(shown(staged));
  });

  it('are the same after they were sealed anew, every version of them, and open without it', async () => {
    const around = await surroundEmbedded(OLD);
    const old = vaultOf(around, [OLD]);
    await old.change(await old.read(around.recordId, signal), { kind: 'stage', credential: FIRST, jobId: JOB }, signal);
    const before = await old.read(around.recordId, signal);
    expect(before.versions.map(({ state }) => state)).toEqual(['active', 'pending']);

    const renewed = vaultOf(around, [NEW, OLD]);
    expect(renewed.publicKey).toEqual(agreementKeysFromSeed(NEW.reveal()).publicKey);
    expect(await renewed.reseal(signal)).toEqual({ resealed: 1, failures: [] });
    const only = vaultOf(around, [NEW]);
    expect(shown(await only.read(around.recordId, signal))).toEqual(shown(before));
    await expect(old.read(around.recordId, signal)).rejects.toMatchObject({ code: 'vault-unavailable' });
    expect(await renewed.reseal(signal)).toEqual({ resealed: 0, failures: [] });
    // A rotation that was under way goes on where it was.
    const pending = before.versions.find(({ state }) => state === 'pending');
    const settled = await only.change(
      await only.read(around.recordId, signal),
      { kind: 'commit', versionId: pending?.versionId ?? '' },
      signal,
    );
    expect(settled.versions[0]).toMatchObject({ versionId: pending?.versionId, state: 'active' });
  });

  it('that nobody can open stay as they are, and are named', async () => {
    const around = await surroundEmbedded(OLD);
    const stranger = vaultOf(around, [NEW, new Secret(new Uint8Array(32).fill(7))]);
    const { resealed, failures } = await stranger.reseal(signal);
    expect(resealed).toBe(0);
    expect(failures).toEqual([
      { recordId: around.recordId, reason: expect.stringContaining('sealed to another key than this gateway has') },
    ]);
    expect((await vaultOf(around, [OLD]).read(around.recordId, signal)).versions).toHaveLength(1);
  });

  it('are left alone by a call that is given up', async () => {
    const around = await surroundEmbedded(OLD);
    expect(await vaultOf(around, [NEW, OLD]).reseal(AbortSignal.abort())).toEqual({ resealed: 0, failures: [] });
    expect((await vaultOf(around, [OLD]).read(around.recordId, signal)).versions).toHaveLength(1);
  });
});
