import { SCHEDULE_MUTATIONS } from './schedule-mutations.ts';

/** What stands in a file, and what stands there instead. */
export interface Change {
  /** Below `src/core`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A deliberate mistake in the core. */
export interface Mutation {
  readonly mistake: string;
  /** Checkers one of which must find it. */
  readonly breaks: readonly string[];
  /** More than one where two parts of the core guard the same. */
  readonly changes: readonly Change[];
  /** A seed that found it when the mutation was written: tried first, to be quick. The seeds from 1 on follow. */
  readonly seed: number;
}

/**
 * Mistakes that the simulator must find. A `find` that is gone means that the core has changed: write the same mistake anew. Not among them, because no life
 * tried has shown them: a claim granted without comparing views or limits, or taken with one grant of several. Either another guard makes up for them or the
 * lives do not reach what they break.
 */
export const MUTATIONS: readonly Mutation[] = [
  ...SCHEDULE_MUTATIONS,
  {
    mistake: 'the order has no tie-break',
    breaks: ['agreement', 'limit', 'progress', 'excess'],
    changes: [
      {
        file: 'membership/member-table.ts',
        find: 'return compareStamps(left.joinedAt, right.joinedAt) || compareIds(left.instanceId, right.instanceId);',
        replace: 'return compareStamps(left.joinedAt, right.joinedAt);',
      },
    ],
    seed: 9,
  },
  {
    mistake: 'the order is that of arrival',
    breaks: ['agreement', 'limit', 'progress', 'excess', 'eviction', 'exit'],
    changes: [
      {
        file: 'membership/member-table.ts',
        find: 'return compareStamps(left.joinedAt, right.joinedAt) || compareIds(left.instanceId, right.instanceId);',
        replace: 'return 0;',
      },
    ],
    seed: 1,
  },
  {
    mistake: 'a newcomer does not stamp after meeting the pool',
    breaks: ['order', 'progress', 'eviction', 'limit'],
    changes: [
      {
        file: 'admission/seat-keeper.ts',
        find: 'if (own.record.seat === null) this.#revise({ joinedAt: clock.stamp(now.unixMs) });',
        replace: '',
      },
    ],
    seed: 40,
  },
  {
    mistake: 'one more seat than the limit',
    breaks: ['limit'],
    changes: [
      {
        file: 'admission/seats.ts',
        find: 'const room = maxInstances - others.length - pending.length;',
        replace: 'const room = maxInstances + 1 - others.length - pending.length;',
      },
    ],
    seed: 5,
  },
  {
    mistake: 'whoever is one place too far back in the queue claims a seat, too',
    breaks: ['queue', 'progress'],
    changes: [
      {
        file: 'admission/seats.ts',
        find: "verdict: position < room ? 'seat'",
        replace: "verdict: position <= room ? 'seat'",
      },
    ],
    seed: 46,
  },
  {
    mistake: 'what was promised to one claimant is forgotten when the next one asks',
    breaks: ['limit', 'schedule'],
    changes: [
      {
        file: 'admission/seats.ts',
        find: 'const room = maxInstances - others.length - pending.length;',
        replace: 'const room = maxInstances - others.length;',
      },
    ],
    seed: 1,
  },
  {
    mistake: 'a draining instance has no seat any more',
    breaks: ['limit'],
    changes: [
      {
        file: 'admission/seats.ts',
        find: "return state === 'admitted' || state === 'draining' ||",
        replace: "return state === 'admitted' ||",
      },
    ],
    seed: 5,
  },
  {
    mistake: 'a holder hands its seat to a second one, too',
    breaks: ['handover', 'eviction', 'limit', 'excess'],
    changes: [
      {
        file: 'admission/seat-keeper.ts',
        find: "own.record.state !== 'admitted'",
        replace: 'own.record.seat === null',
      },
      {
        file: 'admission/handover.ts',
        find: "this.#isWanted(member) && member.record.state === 'admitted')",
        replace: 'this.#isWanted(member))',
      },
    ],
    seed: 10,
  },
  {
    mistake: 'lowering the limit stops who is beyond it',
    breaks: ['eviction'],
    changes: [
      {
        file: 'admission/seats.ts',
        find: 'return rank >= Math.max(maxInstances, grantedUnder(seat));',
        replace: 'return rank >= maxInstances;',
      },
    ],
    seed: 8,
  },
  {
    mistake: 'nobody ever yields',
    breaks: ['excess'],
    changes: [
      {
        file: 'admission/seats.ts',
        find: 'return rank >= Math.max(maxInstances, grantedUnder(seat));',
        replace: 'return false;',
      },
    ],
    seed: 19,
  },
  {
    mistake: 'one too many may stay after a split',
    breaks: ['excess'],
    changes: [
      {
        file: 'admission/seats.ts',
        find: 'return rank >= Math.max(maxInstances, grantedUnder(seat));',
        replace: 'return rank > Math.max(maxInstances, grantedUnder(seat));',
      },
    ],
    seed: 19,
  },
  {
    mistake: 'an expired limit still lets newcomers in',
    breaks: ['expiry'],
    changes: [
      {
        file: 'admission/seat-keeper.ts',
        find: 'if (limit.expiresUnixMs !== null && limit.expiresUnixMs <= clock.poolUnixMs(now.unixMs))',
        replace: 'if (limit.expiresUnixMs !== null && limit.expiresUnixMs < 0)',
      },
      {
        file: 'admission/claims.ts',
        find: "if (limit.expiresUnixMs !== null && limit.expiresUnixMs <= clock.poolUnixMs(now.unixMs)) return 'limit-expired';",
        replace: 'clock.poolUnixMs(now.unixMs);',
      },
    ],
    seed: 20,
  },
  {
    mistake: 'the limits on disk are forgotten at a restart',
    breaks: ['limit-history'],
    changes: [
      {
        file: 'limit/limit-keeper.ts',
        find: 'for (const sealed of remembered.limits) {',
        replace: 'for (const sealed of remembered.limits.slice(0, 0)) {',
      },
    ],
    seed: 12,
  },
  {
    mistake: 'a limit is in force before it is on disk',
    breaks: ['limit-history'],
    changes: [
      {
        file: 'limit/limit-keeper.ts',
        find: 'this.#writes.set(write, { limit, ticket });',
        replace: 'this.#writes.set(write, { limit, ticket });\n    this.#context.limits.apply(limit);',
      },
    ],
    seed: 6,
  },
  {
    mistake: 'an older limit replaces a newer one',
    breaks: ['limit-history', 'agreement'],
    changes: [
      {
        file: 'limit/limit-book.ts',
        find: "if (limit.version < this.#current.version) return 'older';",
        replace: "if (limit.version < this.#current.version) return 'newer';",
      },
    ],
    seed: 6,
  },
  {
    mistake: 'of two limits of one version the first one stays',
    breaks: ['agreement'],
    changes: [
      {
        file: 'limit/limit-book.ts',
        find: "return supersedes(limit, this.#current) ? 'equivocation-won' : 'equivocation-lost';",
        replace: "return 'equivocation-lost';",
      },
    ],
    seed: 7,
  },
  {
    mistake: 'anybody may sign a limit',
    breaks: ['limit-history', 'agreement'],
    changes: [
      {
        file: 'limit/limit-book.ts',
        find: 'if (signedBy.length < authority.threshold && past === undefined) {',
        replace: 'if (opened.signers.length < authority.threshold) {',
      },
    ],
    seed: 13,
  },
  {
    mistake: 'anybody may speak for another instance',
    breaks: ['agreement', 'limit', 'detection', 'eviction', 'excess', 'exit', 'progress'],
    changes: [
      {
        file: 'membership/exchange.ts',
        find: '!signers.includes(record.instanceId)',
        replace: 'signers.length === 0',
      },
    ],
    seed: 39,
  },
  {
    mistake: 'a suspect has no time to refute',
    breaks: ['detection'],
    changes: [
      {
        file: 'membership/detector.ts',
        find: 'return open.sinceMs + this.#stretch(',
        replace: 'return open.sinceMs + 0 * this.#stretch(',
      },
    ],
    seed: 100,
  },
  {
    mistake: 'nobody is ever declared dead',
    breaks: ['detection', 'progress', 'agreement', 'jobs'],
    changes: [
      {
        file: 'membership/detector.ts',
        find: 'if (this.#deadline(open) <= now.atMs)',
        replace: 'if (this.#deadline(open) <= Number.NEGATIVE_INFINITY)',
      },
    ],
    seed: 1,
  },
  {
    mistake: 'an entry that has restarted dispatches again what it may have dispatched before',
    breaks: ['jobs'],
    changes: [
      {
        file: 'jobs/entry-desk.ts',
        find: 'if (request.entryStartId !== init.startId)',
        replace: "if (request.entryStartId === '')",
      },
    ],
    seed: 35,
  },
  {
    mistake: 'a copy of the data directory goes on',
    breaks: ['twins', 'agreement'],
    changes: [
      {
        file: 'pool-machine.ts',
        find: 'if (this.#exchange.twin !== null) this.#stopTwin();',
        replace: '',
      },
    ],
    seed: 7,
  },
  {
    mistake: 'the session of a job can be opened twice',
    breaks: ['jobs'],
    changes: [
      {
        file: 'jobs/work.ts',
        find: 'if (work.opened || isFinal(work.notice.state))',
        replace: 'if (isFinal(work.notice.state))',
      },
    ],
    seed: 8,
  },
  {
    mistake: 'what a dead worker had not ended stays as it was',
    breaks: ['jobs'],
    changes: [
      {
        file: 'jobs/job-board.ts',
        find: 'if (!tied || isFinal(notice.state)) continue;',
        replace: 'if (notice.jobId !== "") continue;',
      },
    ],
    seed: 1,
  },
  {
    mistake: 'the journal is not read at a restart',
    breaks: ['jobs'],
    changes: [
      {
        file: 'jobs/worker-bench.ts',
        find: 'for (const { notice, deadlineUnixMs } of parts.context.init.remembered.jobs) this.#recall(notice, deadlineUnixMs);',
        replace: '',
      },
    ],
    seed: 16,
  },
  {
    mistake: 'an entry dispatches the same request again when it comes again',
    breaks: ['jobs'],
    changes: [
      {
        file: 'jobs/entry-desk.ts',
        find: 'const known = this.#dispatches.get(request.jobId);',
        replace: 'const known = undefined as Dispatch | undefined;',
      },
    ],
    seed: 8,
  },
  {
    mistake: 'an entry does not count what it has sent itself',
    breaks: ['placement'],
    changes: [
      {
        file: 'jobs/entry-desk.ts',
        find: 'pendingKib: pending.get(record.instanceId) ?? 0',
        replace: 'pendingKib: 0 * (pending.get(record.instanceId) ?? 0)',
      },
    ],
    seed: 46,
  },
  {
    mistake: 'a waiting instance orders after those who come later',
    breaks: ['queue', 'order', 'progress'],
    changes: [
      {
        file: 'admission/seats.ts',
        find: '    .sort(compareOrder);\n}\n\n/** What `admit` looks at. */',
        replace: '    .sort((left, right) => compareOrder(right, left));\n}\n\n/** What `admit` looks at. */',
      },
    ],
    seed: 65,
  },
];
