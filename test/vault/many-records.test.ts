/** A new instance takes in all records and credentials of a pool: how long that takes, and how much memory. Small wherever tests run; 100,000 with `PAM_TEST_FULL=1`, any number with `PAM_TEST_RECORDS`. */

import { expect, it } from 'vitest';
import { formatRandomId, type InstanceId } from '../../src/base/ids.ts';
import { Secret } from '../../src/base/secret.ts';
import { writeCredential } from '../../src/vault/client.ts';
import { credentialEditionSeal } from '../../src/wire/credential.ts';
import { seal } from '../../src/wire/sealed.ts';
import { temporaryDirectories } from '../config/temporary-directory.ts';
import { recordFigure } from '../e2e/harness/figures.ts';
import { scaled, timeFor } from '../e2e/harness/scale.ts';
import { NO_CREDENTIAL } from '../workloads/memory-vault.ts';
import { accessKey, admin, type OpenMachine, openMachine, signRecord } from './open-machine.ts';

const newDirectory = temporaryDirectories();
const RECORDS = Number(process.env['PAM_TEST_RECORDS'] ?? scaled({ usual: 500, full: 100_000 }));
const signal = new AbortController().signal;

function idOf(number: number): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(12, number);
  return formatRandomId(bytes);
}

/** The records and credentials as they are when nobody knows them yet, written to the disk of an instance. */
function fill(directory: string): void {
  const { driver, store, vault } = openMachine(directory, 10);
  const authority = { uid: driver.gateway.uid, signedByAdmin: () => true, poolKeys: [accessKey.id] };
  const vaultKey = 'publicKey' in vault && vault.publicKey instanceof Uint8Array ? vault.publicKey : new Uint8Array();
  const credential = { ...NO_CREDENTIAL, user: 'root', password: new Secret('a password of usual length') };
  for (let first = 0; first < RECORDS; first += 1000) {
    const ids = Array.from({ length: Math.min(1000, RECORDS - first) }, (_, index) => idOf(first + index));
    store.write(
      ids.flatMap((recordId) => [
        { kind: 'record' as const, recordId, sealed: signRecord(recordId) },
        {
          kind: 'credentials' as const,
          recordId,
          sealed: [
            seal(
              credentialEditionSeal,
              writeCredential({ authority, recordId, from: [], vaultKey, unixMs: 1, credential }),
              [admin],
            ),
          ],
        },
      ]),
    );
  }
  driver.stop();
  store.close();
}

function residentMib(): number {
  return process.memoryUsage.rss() / 1024 ** 2;
}

/** Messages between the two, in order, each in a turn of the event loop of its own. */
function join(first: () => OpenMachine, second: () => OpenMachine) {
  const counted = { messages: 0, bytes: 0 };
  const carry = (from: () => OpenMachine, to: () => OpenMachine) => (_: InstanceId, bytes: Uint8Array) => {
    counted.messages += 1;
    counted.bytes += bytes.length;
    setImmediate(() => to().driver.feed({ kind: 'direct', from: from().id, bytes }));
    return true;
  };
  return { counted, forth: carry(first, second), back: carry(second, first) };
}

it('comes to a new instance', timeFor(RECORDS, 5), async () => {
  const [full, empty] = [newDirectory(), newDirectory()];
  fill(full);
  let [one, other]: (OpenMachine | undefined)[] = [];
  const here = (): OpenMachine => one ?? other ?? openMachine(full);
  const there = (): OpenMachine => other ?? here();
  const { counted, forth, back } = join(here, there);

  const openedAtMs = performance.now();
  one = openMachine(full, 10, forth);
  const openMs = performance.now() - openedAtMs;
  const beforeMib = residentMib();
  other = openMachine(empty, 11, back);
  const sinceMs = performance.now();
  const cpuBefore = process.cpuUsage();
  for (const [machine, peer] of [
    [one, other],
    [other, one],
  ] as const) {
    machine.driver.feed({ kind: 'start', search: 'addresses-known' });
    machine.driver.feed({ kind: 'link-up', peer: peer.id });
  }
  const last = idOf(RECORDS - 1);
  await expect
    .poll(() => there().driver.records.list().length, { timeout: 110_000 + RECORDS * 5, interval: 200 })
    .toBe(RECORDS);
  const credentialOf = (number: number) => there().vault.read(idOf(number), signal);
  const isHere = (number: number) => there().driver.credentials.editions(idOf(number)).length === 1;
  await expect
    .poll(() => Array.from({ length: RECORDS }, (_, number) => number).every(isHere), {
      timeout: 110_000 + RECORDS * 5,
      interval: 200,
    })
    .toBe(true);
  const tookMs = performance.now() - sinceMs;
  const cpu = process.cpuUsage(cpuBefore);
  expect((await there().vault.read(last, signal)).versions[0]?.credential.user).toBe('root');
  expect((await credentialOf(0)).versions).toHaveLength(1);
  const figure = { file: 'vault.md', unit: 'ms', what: `${RECORDS} records with credentials to a new instance` };
  recordFigure({ ...figure, values: [tookMs] });
  recordFigure({
    ...figure,
    what: `${RECORDS} records with credentials read and verified at a start`,
    values: [openMs],
  });
  recordFigure({ ...figure, what: 'memory of the new instance', unit: 'MiB', values: [residentMib() - beforeMib] });
  recordFigure({ ...figure, what: 'processor time of both', values: [(cpu.user + cpu.system) / 1000] });
  recordFigure({ ...figure, what: 'sent', unit: 'MiB', values: [counted.bytes / 1024 ** 2] });

  // One that is changed afterwards costs a message or two, not its bucket.
  const set = await there().vault.read(last, signal);
  counted.bytes = 0;
  await there().vault.change(set, { kind: 'stage', credential: NO_CREDENTIAL, jobId: 'job' }, signal);
  await expect.poll(() => here().driver.credentials.editions(last)[0]?.number, { timeout: 10_000 }).toBe(2);
  expect(counted.bytes).toBeLessThan(200 * 1024);
  for (const { driver, store } of [here(), there()]) {
    driver.stop();
    store.close();
  }
});
