import type { TargetRecord } from '../../../wire/record.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { adminKeysOf, type Connected } from '../connection.ts';

/** Signs a record with the admin keys and hands it to the pool; ends when an instance has stored it. */
export async function publishRecord(
  { client, profile }: Connected,
  record: TargetRecord,
  { signWith, terminal }: { readonly signWith: readonly string[]; readonly terminal: Terminal },
): Promise<void> {
  const signers = await adminKeysOf(terminal, profile, signWith);
  const [{ sealWith }, { targetRecordSeal }] = await Promise.all([
    import('../../../config/client.ts'),
    import('../../../wire/record.ts'),
  ]);
  await client.request(
    { kind: 'offer-record', sealed: await sealWith(targetRecordSeal, record, signers) },
    'done',
    terminal.signal,
  );
}
