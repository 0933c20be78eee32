import { assert } from '../base/assert.ts';

/**
 * Every duration of the protocol, in milliseconds of the monotonic clock unless named otherwise. They belong together: the relations that the
 * protocol relies on are asserted below.
 */

/** Between two rounds of probes. Lower: quicker detection, more messages. */
export const PROBE_INTERVAL_MS = 500;
/** A member that sent something this recently needs no probe: half of the probes of a small pool answer each other. */
export const PROBE_SPARED_MS = 250;
/** Members probed in one round: with up to five in the pool everybody, beyond that a fixed cost. */
export const PROBE_TARGETS = 4;
/** Until a direct probe without answer is asked of others; it is sent a second time at half of that. */
export const PROBE_TIMEOUT_MS = 450;
/** Until the others' probes must have brought an answer. */
export const INDIRECT_TIMEOUT_MS = 450;
/** Members asked to probe for us (SWIM's k). */
export const INDIRECT_HELPERS = 3;
/** Least and most time a suspected member has for refuting; independent accusers shorten it from most to least (Lifeguard). */
export const SUSPICION_MIN_MS = 900;
/** See SUSPICION_MIN_MS. */
export const SUSPICION_MAX_MS = 2500;
/** Accusers, besides the first, that bring the time down to the least. */
export const SUSPICION_CONFIRMATIONS = 2;
/** A wakeup later than this means that this process was held up: it trusts its own suspicions less. */
export const LAG_NOTICED_MS = 150;
/** After a pause of this length everything known of others is stale: nobody is accused on it. */
export const PAUSE_MS = 1000;
/** Most that own lag stretches the probe and suspicion times. */
export const AWARENESS_MAX = 4;

/** Between two pulses of a small pool. */
export const PULSE_INTERVAL_MS = 1000;
/** Pulses an instance receives per second at the most, whatever the pool's size: beyond, all pulse less often. */
export const PULSES_PER_SECOND = 6;
/** Least time between two pulses when the load or what is held changes. */
export const PULSE_SPACING_MS = 100;

/** Quiet time without news of members before a joiner goes on. */
export const JOIN_SETTLE_MS = 400;
/** Longest that news can keep a joiner from going on. */
export const JOIN_SETTLE_MAX_MS = 4000;
/**
 * How long to look for others before starting alone, by what is known of them. Who knows nobody still waits longer than others take between two
 * dials of its address: a pool may be calling.
 */
export const ALONE_MS = { 'nobody-to-find': 1500, 'discovery-only': 1500, 'addresses-known': 3000 } as const;
/** How long an address that has not been tried to its end keeps a joiner waiting: longer than a slow connect takes. */
export const SEARCH_MS = 2000;
/** Between two tries of a seat claim at members that have not granted it. */
export const CLAIM_RETRY_MS = 200;
/** Until a claim that everyone who answers has granted stops waiting for live members that never answer. */
export const CLAIM_PATIENCE_MS = 6000;
/** How long a pool must look full to a candidate before it is refused. */
export const REFUSE_SETTLE_MS = 400;
/** How long a seat must look like one too many before its holder yields: longer than a view needs to settle. */
export const YIELD_SETTLE_MS = 1500;
/** Between two requests for a seat handover, and until the request is given up. */
export const HANDOVER_RETRY_MS = 300;
/** See HANDOVER_RETRY_MS. */
export const HANDOVER_PATIENCE_MS = 10_000;
/** Longest that an instance which handed its seat over waits to see its successor serve. */
export const SUCCESSOR_SEEN_MS = 5000;
/** Time for cancelled sessions to end before the instance leaves all the same. */
export const CANCEL_GRACE_MS = 2000;

/** Between two greetings of the same peer: a lost one is repeated, and two that do not hear each other do not shout. */
export const GREET_SPACING_MS = 400;
/** How long a link without a greeting keeps a joiner waiting: whoever is there may hold a seat. */
export const GREETING_AWAITED_MS = 5000;
/** How long a member's digest may differ before records are exchanged with it. */
export const DIFFERENCE_MS = 600;
/** Between two exchanges with the same member. */
export const EXCHANGE_SPACING_MS = 1000;
/** Until a member that was asked for records or credentials, and says nothing, is no longer waited for. */
export const HOLDINGS_PATIENCE_MS = 3000;
/**
 * Until a stored credential must be on a majority of the live instances. Longer than a death takes to be noticed: whoever has died meanwhile is no longer
 * waited for.
 */
export const EDITION_PATIENCE_MS = 6000;
/** Between two requests to a member that has not confirmed a credential. */
export const EDITION_RETRY_MS = 500;
/** Between two exchanges with anybody. */
export const EXCHANGE_PACE_MS = 100;
/** How long the dead and the gone are remembered. */
export const FORGET_MS = 600_000;

/** A joiner's wall clock may be this far ahead of the pool's clock. Wall-clock milliseconds. */
export const CLOCK_AHEAD_MS_MAX = 10_000;
/**
 * A limit is offered within this time of its issue, by the pool's clock. Only a seat granted later than that after a newer limit's issue was surely
 * claimed under an outdated one. Wall-clock milliseconds.
 */
export const LIMIT_ISSUE_MS_MAX = 60_000;
/** A joiner's stamp may be this much earlier than its first meeting with a member. Wall-clock milliseconds. */
export const STAMP_EARLY_MS_MAX = 5000;

/** Longest time from a job request to its deadline: bounds how long ids must be remembered. Wall-clock milliseconds. */
export const JOB_DEADLINE_MS_MAX = 120_000;
/** Until an unanswered forward is sent again. */
export const FORWARD_RETRY_MS = 250;
/** Until an accepted job whose session nobody opens is given up. */
export const SESSION_OPEN_MS = 15_000;
/** How long the best instances are given to tell their present load before the choice. */
export const LOAD_QUERY_MS = 60;
/** How long members are given to tell what they know of a job. */
export const JOB_QUERY_MS = 700;
/** How long a worker is given to read a page of a job's output. */
export const OUTPUT_QUERY_MS = 3000;
/** How long job news gather: a short job is told of once. */
export const JOB_NEWS_MS = 100;
/** Between two requests for job news that were missed. */
export const JOB_NEWS_ASK_MS = 500;

/** Between two looks at the schedules, and two requests for a due time that was not granted. */
export const DUE_LOOK_MS = 1000;
/** How long all admitted must have been there before one more becomes a member of the council: longer than a death takes to be suspected. */
export const COUNCIL_SETTLE_MS = 3000;
/** How long a member of the council must have been away, with a majority of the others there, until the council goes on without it. */
export const COUNCIL_FORGET_MS = 600_000;

assert(
  COUNCIL_SETTLE_MS > PROBE_INTERVAL_MS + PROBE_TIMEOUT_MS + INDIRECT_TIMEOUT_MS,
  'who is not there is suspected by then',
);
assert(
  PROBE_TIMEOUT_MS + INDIRECT_TIMEOUT_MS + SUSPICION_MIN_MS > PULSE_INTERVAL_MS,
  'a pulse must be able to refute in time',
);
assert(PROBE_TIMEOUT_MS <= PROBE_INTERVAL_MS, 'a probe ends before the next round');
assert(YIELD_SETTLE_MS > DIFFERENCE_MS + JOIN_SETTLE_MS, 'views are exchanged before anybody yields');
assert(
  EDITION_PATIENCE_MS > PROBE_INTERVAL_MS + PROBE_TIMEOUT_MS + INDIRECT_TIMEOUT_MS + SUSPICION_MAX_MS,
  'who has died is noticed before a credential is given up',
);
assert(CLAIM_RETRY_MS < JOIN_SETTLE_MS, 'claims settle quicker than joiners');

/** How often an instance looks at discoveries that go on: its own, which another one keeps, and those that it keeps. */
export const JOB_KEEP_LOOK_MS = 1000;
/** How often a worker tells whoever keeps its discovery that it still works at it. */
export const JOB_KEEP_MS = 5000;
