import type { MemberRecord } from '../../wire/member-record.ts';
import { memberRecordSeal } from '../../wire/member-record.ts';
import { seal } from '../../wire/sealed.ts';
import type { PoolInit } from '../index.ts';
import type { Now } from '../input.ts';
import type { Outbox } from '../outbox.ts';
import type { PoolClock } from '../pool-clock.ts';
import type { MemberTable } from './member-table.ts';

/** What may change in an instance's own record; everything else is fixed at its start. */
export type OwnChange = Partial<
  Pick<
    MemberRecord,
    | 'incarnation'
    | 'state'
    | 'joinedAt'
    | 'seat'
    | 'successor'
    | 'replaces'
    | 'claim'
    | 'meshAddresses'
    | 'accessAddresses'
  >
>;

/** What the own record is built with. */
export interface OwnRecordInit {
  readonly init: PoolInit;
  readonly clock: PoolClock;
  readonly table: MemberTable;
  readonly outbox: Outbox;
  readonly now: Now;
}

/** The record this instance publishes of itself. Every change is a new signed version. */
export class OwnRecord {
  readonly #parts: OwnRecordInit;
  #record: MemberRecord;
  #sealed: Uint8Array;

  /** The first version: a candidate that has not met anybody yet, still naming a seat it may resume. */
  constructor(parts: OwnRecordInit) {
    this.#parts = parts;
    this.#record = firstRecord(parts);
    this.#sealed = this.#seal();
    parts.table.merge(this.#record, this.#sealed, { atMs: parts.now.atMs, metAt: null });
  }

  /** The current version. */
  get record(): MemberRecord {
    return this.#record;
  }

  /** The current version, signed. */
  get sealed(): Uint8Array {
    return this.#sealed;
  }

  /** Makes a new version; the caller spreads it. */
  revise(change: OwnChange, now: Now): void {
    const { clock, table } = this.#parts;
    this.#record = {
      ...this.#record,
      ...change,
      sequence: this.#record.sequence + 1,
      issuedAt: clock.stamp(now.unixMs),
    };
    this.#sealed = this.#seal();
    table.merge(this.#record, this.#sealed, { atMs: now.atMs, metAt: null });
  }

  #seal(): Uint8Array {
    return seal(memberRecordSeal, this.#record, [this.#parts.init.identity]);
  }
}

function firstRecord({ init, clock, now }: OwnRecordInit): MemberRecord {
  const started = clock.stamp(now.unixMs);
  const resumed = init.remembered.self;
  return {
    instanceId: init.identity.id,
    startId: init.startId,
    incarnation: init.incarnation,
    sequence: 1,
    issuedAt: started,
    startedAt: started,
    state: 'candidate',
    joinedAt: resumed?.seat ? resumed.joinedAt : started,
    seat: resumed?.seat ?? null,
    successor: null,
    replaces: init.replaces,
    claim: 0,
    name: init.self.name,
    version: init.self.version,
    platform: init.self.platform,
    capabilities: init.self.capabilities,
    labels: init.self.labels,
    meshAddresses: [],
    accessAddresses: [],
  };
}
