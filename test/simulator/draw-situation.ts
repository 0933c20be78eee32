import { CALM, type Conditions } from './conditions.ts';
import type { Act, Plan, Step } from './plan.ts';
import type { Random } from './random.ts';

/** What a situation fixes; everything else of its plan is the same for all. */
type Situation = Pick<Plan, 'maxInstances' | 'steps'> & Partial<Pick<Plan, 'conditions' | 'chaosMs' | 'quietMs'>>;

const QUIET_MS = 26_000;
/** Until every host that starts in the beginning has its seat or waits. */
const GROWN_MS = 8000;
/** Hosts of a pool that is too large for telling everybody everything directly: news travels by gossip alone. */
const LARGE = 20;

/** Each comes after the next `drawPlan` seeds that tell of one. */
const SITUATIONS: readonly ((random: Random) => Situation)[] = [
  clocksBehind,
  busyDrain,
  oneSeatTwoHeirs,
  limitTwice,
  afterExpiry,
  seatsForTheQueue,
  returnTogether,
  entryRestarts,
];

/**
 * A plan around one situation that random troubles meet too seldom, its times and numbers drawn: calm apart from the one thing it is about, so that every
 * checker is at its strictest.
 */
export function drawSituation(seed: number, number: number, random: Random): Plan {
  const draw = number % 20 === 0 ? largePool : (SITUATIONS[number % SITUATIONS.length] ?? clocksBehind);
  const { maxInstances, steps, ...rest } = draw(random);
  const sorted = [...steps].sort((a, b) => a.atMs - b.atMs);
  return {
    seed,
    maxInstances,
    bootstrap: 'all',
    conditions: drawDelays(random),
    dialMs: 20,
    chaosMs: (sorted.at(-1)?.atMs ?? 0) + 6000,
    quietMs: QUIET_MS,
    steps: sorted,
    ...rest,
  };
}

/** Every second one that comes has a clock a little behind: its stamp would be believed, but orders before those who came earlier. */
function clocksBehind(random: Random): Situation {
  const hosts = random.between(4, 6);
  const spacingMs = random.between(3000, 3600);
  const steps = Array.from({ length: hosts }, (_, host) => ({
    ...start(host * spacingMs, host),
    offsetMs: host % 2 === 0 ? -random.between(3800, 4600) : 0,
  }));
  return { maxInstances: random.between(3, hosts), steps };
}

/** A holder with sessions is drained while others wait for its seat. */
function busyDrain(random: Random): Situation {
  const holders = random.between(1, 3);
  const drainMs = GROWN_MS + random.between(100, 1500);
  const steps: Step[] = [...holdersAndWaiting(random, holders, 2)];
  for (let entry = 0; entry < holders; entry++)
    steps.push({ atMs: GROWN_MS, kind: 'jobs', entry, count: 4, spacingMs: 5, durationMs: 9000, twist: 'none' });
  steps.push({ atMs: drainMs, kind: 'drain', host: random.below(holders) });
  return { maxInstances: holders, steps };
}

/** Two newcomers want the seat of the same holder at the same moment, and somebody waits for it, too. */
function oneSeatTwoHeirs(random: Random): Situation {
  const holders = random.between(1, 3);
  const giver = random.below(holders);
  const heirs = [holders + 1, holders + 2].map((host) => ({
    ...start(GROWN_MS + random.below(60), host, random.chance(500)),
    replaces: giver,
  }));
  const jobs: Step = {
    atMs: GROWN_MS - 500,
    kind: 'jobs',
    entry: giver,
    count: 6,
    spacingMs: 5,
    durationMs: 3000,
    twist: 'none',
  };
  return { maxInstances: holders, steps: [...holdersAndWaiting(random, holders, 1), jobs, ...heirs] };
}

/** The limit goes up and down again within a moment, on two instances, while several wait. */
function limitTwice(random: Random): Situation {
  const holders = random.between(1, 2);
  const waiting = 4;
  const hosts = holders + waiting;
  const steps = [...holdersAndWaiting(random, holders, waiting)];
  for (let round = 0; round < 3; round++) {
    const atMs = GROWN_MS + round * 4000;
    const raised = holders + round + random.between(1, 3);
    steps.push(setLimit(atMs, random.below(hosts), raised));
    steps.push(
      setLimit(atMs + random.between(1, 200), random.below(hosts), Math.max(1, raised - random.between(1, 2))),
    );
  }
  return { maxInstances: holders, steps };
}

/** A limit with free seats expires, and somebody comes or waits. */
function afterExpiry(random: Random): Situation {
  const holders = random.between(1, 2);
  const expiresInMs = random.between(1500, 3000);
  const lateMs = GROWN_MS + expiresInMs + random.between(11_000, 14_000);
  return {
    maxInstances: holders,
    steps: [
      ...holdersAndWaiting(random, holders, 0),
      { ...setLimit(GROWN_MS, 0, holders + 3), expiresInMs },
      start(lateMs, holders, random.chance(300)),
      start(lateMs + random.below(2000), holders + 1, random.chance(300)),
    ],
  };
}

/** Seats become free one after the other, and several wait for each. */
function seatsForTheQueue(random: Random): Situation {
  const holders = random.between(2, 4);
  const steps = [...holdersAndWaiting(random, holders, 4)];
  for (let host = 0; host < holders - 1; host++)
    steps.push({
      atMs: GROWN_MS + host * random.between(500, 4000),
      kind: random.chance(500) ? 'leave' : 'drain',
      host,
    });
  return { maxInstances: holders, steps };
}

/** All holders lose power and come back while others wait for seats. */
function returnTogether(random: Random): Situation {
  const holders = random.between(2, 4);
  const steps = [...holdersAndWaiting(random, holders, random.between(1, 3))];
  const backMs = GROWN_MS + random.between(300, 4500);
  for (let host = 0; host < holders; host++) {
    steps.push({ atMs: GROWN_MS + random.below(20), kind: 'crash', host, loud: random.chance(700), atWrite: false });
    steps.push({ atMs: backMs + random.below(400), kind: 'restart', host, disk: 'kept', standby: random.chance(300) });
  }
  return { maxInstances: holders, steps };
}

/** The entry of jobs that were sent twice dies right after it was asked, and is back before the clients have given up. */
function entryRestarts(random: Random): Situation {
  const holders = random.between(3, 5);
  const steps = [...holdersAndWaiting(random, holders, 0)];
  for (let round = 0; round < 3; round++) {
    const [atMs, entry] = [GROWN_MS + round * 5000, random.below(holders)];
    const diesMs = atMs + random.between(5, 250);
    steps.push({ atMs, kind: 'jobs', entry, count: 12, spacingMs: 15, durationMs: 9000, twist: 'duplicate' });
    steps.push({ atMs: diesMs, kind: 'crash', host: entry, loud: true, atWrite: false });
    steps.push({ atMs: diesMs + random.below(1200), kind: 'restart', host: entry, disk: 'kept', standby: false });
  }
  return { maxInstances: holders, steps };
}

/** A large pool in which a hostile member accuses everybody. */
function largePool(random: Random): Situation {
  const starts = Array.from({ length: LARGE }, (_, host) => start(host * 25, host));
  const hostile: Step = {
    atMs: GROWN_MS,
    kind: 'hostile',
    host: random.below(LARGE),
    acts: ['false-accusation'],
    forMs: 4000,
  };
  return {
    maxInstances: LARGE,
    conditions: CALM,
    steps: [...starts, hostile],
    chaosMs: GROWN_MS + 5000,
    quietMs: 8000,
  };
}

/** Holders start first, those who wait a little later. */
function holdersAndWaiting(random: Random, holders: number, waiting: number): Step[] {
  const starts: Step[] = Array.from({ length: holders }, (_, host) => start(random.below(50), host));
  for (let host = holders; host < holders + waiting; host++) starts.push(start(4500 + random.below(500), host, true));
  return starts;
}

function drawDelays(random: Random): Conditions {
  const spread = random.pick([1, 5, 20, 40]) ?? 1;
  return { ...CALM, delayLeastMs: random.pick([0.2, 2, 10]) ?? 1, delayMeanMs: spread };
}

function start(
  atMs: number,
  host: number,
  standby = false,
): { readonly atMs: number } & Extract<Act, { kind: 'start' }> {
  return { atMs, kind: 'start', host, standby, offsetMs: 0, driftPpm: 0, replaces: null };
}

function setLimit(atMs: number, host: number, maxInstances: number): Extract<Step, { kind: 'set-limit' }> {
  return { atMs, kind: 'set-limit', host, maxInstances, expiresInMs: null, offsetMs: 0 };
}
