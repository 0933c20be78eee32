/** A vault over the fake of Keeper, with a record that has a credential and one that has none. */

import { createKeeperVault } from '../../src/vault/keeper/index.ts';
import type { TargetRecord } from '../../src/wire/record.ts';
import type { VaultUnderTest } from '../contracts/vault-contract.ts';
import { FakeKeeper } from './fake-keeper.ts';

/** Records of the gateway, and what they are called in Keeper. */
export const [RECORD, EMPTY, KEEPER_RECORD, KEEPER_EMPTY] = [
  'record',
  'empty',
  'in-keeper',
  'empty-in-keeper',
] as const;

/** A PAM user as Keeper keeps it. */
export function pamUser(password: string | null): object {
  return {
    title: 'root on web-1',
    type: 'pamUser',
    fields: [
      { type: 'login', value: password === null ? [] : ['root'] },
      { type: 'password', value: password === null ? [] : [password] },
      { type: 'secret', label: 'privatePEMKey', value: [] },
      { type: 'checkbox', label: 'managed', value: [true] },
    ],
    custom: [{ type: 'text', label: 'owner', value: ['team-a'] }],
  };
}

function target(recordId: string, uid: string): TargetRecord {
  return {
    gatewayUid: 'gateway',
    recordId,
    revision: 1,
    deleted: false,
    type: 'machine',
    title: recordId,
    host: '192.0.2.1',
    port: 22,
    protocol: 'ssh',
    user: 'root',
    labels: [{ key: 'keeper', value: uid }],
    changedUnixMs: 1,
    parentId: null,
  };
}

/** The vault, and the service behind it. */
export function createKeeper(instances = 1): VaultUnderTest & { readonly fake: FakeKeeper } {
  const fake = new FakeKeeper();
  fake.add(KEEPER_RECORD, pamUser('first password'));
  fake.add(KEEPER_EMPTY, pamUser(null));
  const records = [target(RECORD, KEEPER_RECORD), target(EMPTY, KEEPER_EMPTY), target('unlinked', 'not-shared')];
  const find = (recordId: string) => records.filter((record) => record.recordId === recordId);
  const vault = createKeeperVault({
    configuration: fake.configuration(),
    post: fake.post,
    instances: () => instances,
    nowMs: () => performance.now(),
    unixMs: () => 1_800_000_000_000,
    records: { list: () => records, find, isRemoved: () => false },
  });
  return { vault, fake, recordId: RECORD, emptyRecordId: EMPTY };
}
