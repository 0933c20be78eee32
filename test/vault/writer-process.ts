/** A process that stages and commits credentials in the vault of a data directory, and says each one when it is told that it is stored. */

import { Secret } from '../../src/base/secret.ts';
import { NO_CREDENTIAL } from '../workloads/memory-vault.ts';
import { openMachine, signRecord } from './open-machine.ts';

const [directory = '', first = '1', count = '0'] = process.argv.slice(2);
const { driver, vault } = openMachine(directory);
const signal = new AbortController().signal;
const recordId = 'record-of-the-writer-0';
if (driver.records.find(recordId).length === 0) await driver.offerRecord(signRecord(recordId), signal);

let set = await vault.read(recordId, signal);
for (const { versionId, state } of set.versions)
  if (state === 'pending') set = await vault.change(set, { kind: 'discard', versionId }, signal);
for (let number = Number(first); number < Number(first) + Number(count); number++) {
  const credential = { ...NO_CREDENTIAL, password: new Secret(`password ${number}`) };
  set = await vault.change(set, { kind: 'stage', credential, jobId: 'job-of-the-writer-0000' }, signal);
  const versionId = set.versions.find(({ state }) => state === 'pending')?.versionId ?? '';
  set = await vault.change(set, { kind: 'commit', versionId }, signal);
  process.stdout.write(`${number}\n`);
}
driver.stop();
