/** The contract of vaults, kept by each of them. */

import { describeVault, FIRST } from '../contracts/vault-contract.ts';
import { MemoryVault } from '../workloads/memory-vault.ts';
import { createEmbedded } from './embedded-pool.ts';
import { createKeeper } from './keeper-application.ts';

describeVault('embedded', createEmbedded);
describeVault('keeper', async () => createKeeper());
describeVault('memory', async () => {
  const vault = new MemoryVault();
  vault.set('record', FIRST);
  vault.set('empty', null);
  return { vault, recordId: 'record', emptyRecordId: 'empty' };
});
