import type { AccessClient } from '../../../access/client/index.ts';
import { RECORDS_MAX } from '../../../wire/bounds.ts';
import type { ScheduleRow } from '../../../wire/schedule-row.ts';

/** Schedules of the records that the caller may see, or of this one, as the asked instance sees them. */
export async function listSchedules(
  client: AccessClient,
  recordId: string | null,
  signal: AbortSignal,
): Promise<readonly ScheduleRow[]> {
  const found: ScheduleRow[] = [];
  let after: string | null = null;
  do {
    const page: { readonly rows: readonly ScheduleRow[]; readonly next: string | null } = await client.request(
      { kind: 'schedules', match: recordId, after },
      'schedules',
      signal,
    );
    found.push(...page.rows);
    after = page.next;
  } while (after !== null && found.length <= RECORDS_MAX);
  return found;
}
