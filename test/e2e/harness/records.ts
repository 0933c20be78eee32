/** Records as each instance has them. */

import { connectAccess } from '../../../src/access/client/index.ts';
import type { Pool } from './pool.ts';
import { needs, until } from './until.ts';

const ARRIVE_MS = 20_000;

/** Adds a record of a TCP target with the admin's profile; the answer is its id. `from` names the instance from whose place it is added. */
export async function addRecord(
  pool: Pool,
  title: string,
  { host, port }: { readonly host: string; readonly port: number },
  from?: string,
): Promise<string> {
  const fields = ['--title', title, '--host', host, '--port', String(port)];
  const args = ['record', 'add', '--type', 'machine', ...fields, '--protocol', 'tcp', '--json'];
  const { code, stdout, stderr } = await pool.pam(args, from);
  if (code !== 0) throw new Error(`pam record add ended with ${code}: ${stderr}`);
  const { record }: { readonly record: string } = JSON.parse(stdout);
  return record;
}

/** Waits until each instance of these names has a record of this title: before, it declines every job on it. */
export async function untilRecordHeld(pool: Pool, names: readonly string[], title: string): Promise<void> {
  await Promise.all(names.map((name) => untilHeldBy(pool, name, title)));
}

async function untilHeldBy(pool: Pool, name: string, title: string): Promise<void> {
  const { key, poolKey } = pool.profile();
  const init = { keySeed: key.reveal(), grant: null, addresses: [pool.site(name).access], poolKey };
  const what = `${name} has the record "${title}"`;
  const client = await until(what, { within: ARRIVE_MS }, () => connectAccess(init, AbortSignal.timeout(ARRIVE_MS)));
  try {
    await until(what, { within: ARRIVE_MS }, async () => {
      const request = { kind: 'list-records', match: title, after: null } as const;
      const { records } = await client.request(request, 'records', AbortSignal.timeout(ARRIVE_MS));
      needs(records.length === 1, `it has ${records.length}`);
    });
  } finally {
    await client.stop();
  }
}
