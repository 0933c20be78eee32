import type { InstanceId } from '../base/ids.ts';
import type { Stamp } from '../base/stamp.ts';
import type { SeenContenders } from './admission/contenders.ts';
import type { PoolInit } from './index.ts';
import type { Now } from './input.ts';
import type { LimitBook } from './limit/limit-book.ts';
import type { MemberTable } from './membership/member-table.ts';
import type { OwnRecord } from './membership/own-record.ts';
import type { Outbox } from './outbox.ts';
import type { PolicyBook } from './policy/policy-book.ts';
import type { PoolClock } from './pool-clock.ts';

/** What the parts of one machine share. Each part changes only what it owns; `now` is that of the input being handled. */
export interface CoreContext {
  readonly init: PoolInit;
  readonly self: InstanceId;
  readonly outbox: Outbox;
  readonly clock: PoolClock;
  readonly table: MemberTable;
  readonly limits: LimitBook;
  readonly policies: PolicyBook;
  readonly own: OwnRecord;
  /** What admission makes of the table, kept until the table changes. */
  readonly seen: SeenContenders;
  now: Now;
}

/** True once this instance is past joining: what it says counts as the pool's word. */
export function isEstablished({ own }: CoreContext): boolean {
  const { state } = own.record;
  return state !== 'candidate' && state !== 'left';
}

/** This instance's clock for judging whom it meets, null while it is itself joining. */
export function witnessStamp(context: CoreContext): Stamp | null {
  if (!isEstablished(context)) return null;
  return { unixMs: Math.max(context.clock.poolUnixMs(context.now.unixMs), 0), counter: 0 };
}

/** Ids of live members other than this instance, in the order of decisions. */
export function liveOthers({ table, self }: CoreContext): readonly InstanceId[] {
  return table.liveBut(self);
}

/** Links up to which important messages go directly to everyone as well as by gossip. */
const DIRECT_SPREAD_MAX = 16;

/** Linked members to tell directly, empty where there are too many of them. */
export function directAudience({ table, self }: CoreContext): readonly InstanceId[] {
  const linked: InstanceId[] = [];
  for (const member of table.all()) {
    if (!member.linked || member.record.instanceId === self) continue;
    linked.push(member.record.instanceId);
    if (linked.length > DIRECT_SPREAD_MAX) return [];
  }
  return linked;
}

/** Every other live member, where links lead to all of them: then gossip would only carry the same several times over. Empty otherwise, and in large pools. */
export function wholeAudience(context: CoreContext): readonly InstanceId[] {
  const audience = directAudience(context);
  return audience.length >= context.table.live().length - 1 ? audience : [];
}
