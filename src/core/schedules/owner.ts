import { compareBytes, sha256 } from '../../base/bytes.ts';
import type { InstanceId } from '../../base/ids.ts';
import type { MemberTable } from '../membership/member-table.ts';

/**
 * Who looks after a record's due times: of the admitted the one with the highest digest over both ids (rendezvous hashing). When one leaves only its own
 * records move, and they spread evenly. Undefined: nobody is admitted.
 */
export function ownerOf(recordId: string, table: Pick<MemberTable, 'live'>): InstanceId | undefined {
  let best: { readonly id: InstanceId; readonly weight: Uint8Array } | undefined;
  for (const { record } of table.live()) {
    if (record.state !== 'admitted') continue;
    const weight = sha256(`${recordId}|${record.instanceId}`);
    if (best === undefined || compareBytes(weight, best.weight) > 0) best = { id: record.instanceId, weight };
  }
  return best?.id;
}
