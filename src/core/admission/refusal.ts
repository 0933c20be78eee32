import type { InstanceId } from '../../base/ids.ts';
import { formatUnixMs } from '../../base/stamp.ts';
import type { CoreContext } from '../core-context.ts';

/** What a refused instance tells the person who started it: who holds the seats, and on the last line the numbers. */
export function refusalLines({ table, limits, self }: CoreContext, owners: readonly InstanceId[]): readonly string[] {
  const live = table.live();
  const holders = live.flatMap(({ record }, rank) => {
    if (!owners.includes(record.instanceId)) return [];
    return [
      `seat held by ${record.name} (${record.instanceId}), rank ${rank}, ${record.state}, joined ${formatUnixMs(record.joinedAt.unixMs)}`,
    ];
  });
  const rank = live.findIndex(({ record }) => record.instanceId === self);
  const { maxInstances } = limits.current;
  return [
    ...holders,
    `Maximum instances reached: ${owners.length} of ${maxInstances} (this instance would be rank ${rank})`,
  ];
}
