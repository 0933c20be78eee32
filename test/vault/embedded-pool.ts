/** The embedded vault over a real core of one instance, without sockets: writes are on "disk" at once. */

import { Secret } from '../../src/base/secret.ts';
import { agreementKeysFromSeed } from '../../src/base/x25519.ts';
import type { Reply } from '../../src/core/index.ts';
import { writeCredential } from '../../src/vault/client.ts';
import { createEmbeddedVault, type EmbeddedVaultInit } from '../../src/vault/index.ts';
import { credentialEditionSeal } from '../../src/wire/credential.ts';
import { targetRecordSeal } from '../../src/wire/record.ts';
import { open, seal } from '../../src/wire/sealed.ts';
import { FIRST, type VaultUnderTest } from '../contracts/vault-contract.ts';
import { GATEWAY_UID, RECORD_ID, recordOf } from '../core/jobs/small-gateway.ts';
import { SmallPool } from '../core/jobs/small-pool.ts';

const EMPTY_ID = 'record-without-any-000';

/** The vault of the first of these instances. */
export async function createEmbedded(): Promise<VaultUnderTest> {
  const seed = new Secret(new Uint8Array(32).fill(5));
  const { recordId, emptyRecordId, ...around } = await surroundEmbedded(seed);
  return { vault: createEmbeddedVault({ ...around, keySeeds: [seed] }), recordId, emptyRecordId };
}

/** What a vault of the first of two instances is made of, with a credential sealed under this seed in it. */
export interface EmbeddedSurroundings extends Pick<EmbeddedVaultInit, 'port' | 'signers'> {
  readonly recordId: string;
  readonly emptyRecordId: string;
}

/** Two instances with a record that has a credential, and one that has none. */
export async function surroundEmbedded(seed: Secret<Uint8Array>): Promise<EmbeddedSurroundings> {
  const pool = new SmallPool({ instances: 2 }).form();
  const only = pool.at(0);
  const ask = (answers: readonly Reply[]): Promise<Reply> => {
    pool.runUntil(() => answers.length > 0, 10_000);
    return Promise.resolve(answers[0] ?? { kind: 'done' });
  };
  const offer = (sealed: Uint8Array) => pool.offer(only, (ticket) => ({ kind: 'offer-edition', sealed, ticket }));
  const surroundings = {
    port: {
      gateway: { uid: GATEWAY_UID, name: 'small', adminKeys: [pool.admin.id], threshold: 1 },
      records: only.machine.records,
      credentials: only.machine.credentials,
      offerEdition: (sealed: Uint8Array) => ask(offer(sealed)),
      unixMs: () => 1_800_000_000_000,
    },
    // The pools of these tests have no access key: the admin's stands in for both.
    signers: [pool.admin],
    recordId: RECORD_ID,
    emptyRecordId: EMPTY_ID,
  };
  const { value } = open(targetRecordSeal, recordOf(pool.admin), () => true);
  const empty = seal(targetRecordSeal, { ...value, recordId: EMPTY_ID, title: 'empty' }, [pool.admin]);
  await ask(pool.offer(only, (ticket) => ({ kind: 'offer-record', sealed: empty, ticket })));
  const edition = writeCredential({
    authority: { uid: GATEWAY_UID, signedByAdmin: () => true, poolKeys: [] },
    recordId: RECORD_ID,
    from: [],
    vaultKey: agreementKeysFromSeed(seed.reveal()).publicKey,
    unixMs: 1_800_000_000_000,
    credential: FIRST,
  });
  const written = seal(credentialEditionSeal, edition, [pool.admin]);
  await ask(offer(written));
  return surroundings;
}
