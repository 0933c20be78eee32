/** What an instance may ask for by itself, and who looks after which record. */

import { describe, expect, it } from 'vitest';
import type { CoreContext } from '../../../src/core/core-context.ts';
import type { Member } from '../../../src/core/membership/member-table.ts';
import { afterSessionJobId, delayOf, dueJobId, latestDue, nextDue } from '../../../src/core/schedules/due.ts';
import { type OrderQuestion, orderProblem } from '../../../src/core/schedules/order.ts';
import { ownerOf } from '../../../src/core/schedules/owner.ts';
import type { JobRequest } from '../../../src/wire/job.ts';
import type { TargetRecord } from '../../../src/wire/record.ts';
import { readSchedule } from '../../../src/wire/rotation-schedule.ts';
import { createStandInKeyring } from '../../simulator/keys.ts';
import { Random } from '../../simulator/random.ts';

const FROM = 1_750_000_000_000;
const HOUR = 3600_000;
const keyring = createStandInKeyring();
const random = new Random(1);
const ids = Array.from({ length: 9 }, () => keyring.make(random).id);
const [self, other] = ids as [JobRequest['caller'], JobRequest['caller']];
const cron = { latest: () => null, next: () => null };

const record: TargetRecord = {
  ...{ gatewayUid: 'g', recordId: 'r', revision: 1, deleted: false, type: 'database', title: 't', host: 'h', port: 1 },
  ...{ protocol: 'postgres', user: null, changedUnixMs: FROM, parentId: null },
  labels: [
    { key: 'rotation.after-session', value: 'yes' },
    { key: 'rotation.from', value: String(FROM) },
    { key: 'rotation.schedule', value: 'every 1h' },
  ],
};
const member = { record: { state: 'admitted', instanceId: self }, opinion: 'alive', evicted: false } as Member;

function request(changes: Partial<JobRequest> = {}, due = FROM + HOUR): JobRequest {
  return {
    ...{ gatewayUid: 'g', jobId: dueJobId('g', 'r', due), kind: 'rotation', recordId: 'r', parent: null },
    ...{ parameters: [{ name: 'due', value: String(due) }], entry: self, entryStartId: 's', caller: self },
    ...{ deadlineUnixMs: FROM + 2 * HOUR, grant: null },
    ...changes,
  };
}

function problem(changes: Partial<OrderQuestion> = {}): string | null {
  const now = { poolUnixMs: FROM + HOUR + 5000, cron, last: undefined, session: undefined };
  return orderProblem({ request: request(), gatewayUid: 'g', record, caller: member, ...now, ...changes });
}

const after: Partial<JobRequest> = {
  ...{ parent: 'session', jobId: afterSessionJobId('g', 'session') },
  parameters: [{ name: 'after-session', value: 'yes' }],
};
const notDisabled = record.labels;

describe('what an instance asks for by itself', () => {
  it('is allowed where the record says so', () => {
    expect(problem()).toBeNull();
    expect(problem({ request: request(after) })).toBeNull();
  });

  it.each<[string, Partial<OrderQuestion>]>([
    ['has no schedule', { record: { ...record, labels: [] } }],
    [
      'has no schedule',
      { record: { ...record, labels: [...notDisabled, { key: 'rotation.disabled', value: 'yes' }] } },
    ],
    ['is not due at', { request: request({}, FROM + HOUR + 1) }],
    ['is not due at', { request: request({}, FROM) }],
    ['is not due yet', { request: request({}, FROM + 2 * HOUR) }],
    ['is not that of this due time', { request: request({ jobId: 'A'.repeat(22) }) }],
    ['was granted to another', { last: { recordId: 'r', dueUnixMs: FROM + HOUR, owner: other, begun: false } }],
    ['was granted to another', { last: { recordId: 'r', dueUnixMs: FROM + 2 * HOUR, owner: self, begun: true } }],
    ['is not admitted', { caller: undefined }],
    ['is not admitted', { caller: { ...member, record: { ...member.record, state: 'standby' } } }],
    ['is not admitted', { caller: { ...member, evicted: true } }],
    ['nothing by itself but rotations', { request: request({ kind: 'connection' }) }],
    ['nothing by itself but rotations', { request: request({ parameters: [] }) }],
    ['no job with the parameter', { request: request({ parameters: [{ name: 'dry-run', value: 'yes' }] }) }],
    ['no record', { record: undefined }],
    ['not rotated after sessions', { request: request(after), record: { ...record, labels: [] } }],
    ['is not that of this session', { request: request({ ...after, parent: 'another' }) }],
  ])('is refused: %s', (why, changes) => expect(problem(changes)).toContain(why));
});

describe('due times', () => {
  const schedule = readSchedule({ ...record, labels: [...record.labels, { key: 'rotation.jitter', value: '10m' }] });
  if (schedule === null) throw new Error('no schedule');

  it('are whole periods after the schedule was set', () => {
    expect(
      [FROM, FROM + HOUR - 1, FROM + HOUR, FROM + 5 * HOUR + 7].map((at) => latestDue(schedule, at, cron)),
    ).toEqual([null, null, FROM + HOUR, FROM + 5 * HOUR]);
    expect(nextDue(schedule, FROM + HOUR, cron)).toBe(FROM + 2 * HOUR);
    expect(nextDue(schedule, 0, cron)).toBe(FROM + HOUR);
  });

  it('spread within the jitter, each record always alike', () => {
    const delays = Array.from({ length: 200 }, (_, index) => delayOf({ recordId: `r${index}` }, schedule));
    expect(Math.max(...delays)).toBeLessThanOrEqual(600_000);
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(500_000);
    expect(delayOf({ recordId: 'r7' }, schedule)).toBe(delays[7]);
  });
});

describe('the owners', () => {
  const records = Array.from({ length: 900 }, (_, index) => `record-${index}`);
  const tableOf = (present: readonly string[]): CoreContext['table'] =>
    ({ live: () => present.map((instanceId) => ({ record: { instanceId, state: 'admitted' } })) }) as never;

  it('have about the same number of records each', () => {
    const counts = ids.map((id) => records.filter((one) => ownerOf(one, tableOf(ids)) === id).length);
    expect(Math.min(...counts)).toBeGreaterThan(70);
    expect(Math.max(...counts)).toBeLessThan(135);
  });

  it('change for the records of whoever leaves alone, in whatever order instances are known', () => {
    const without = ids.filter((id) => id !== other).reverse();
    const moved = records.filter((one) => ownerOf(one, tableOf(ids)) !== ownerOf(one, tableOf(without)));
    expect(moved).toEqual(records.filter((one) => ownerOf(one, tableOf(ids)) === other));
  });
});
