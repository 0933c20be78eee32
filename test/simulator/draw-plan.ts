import { CALM, type Conditions } from './conditions.ts';
import { drawSituation } from './draw-situation.ts';
import { drawStory } from './draw-story.ts';
import { type Act, HOSTILE_ACTS, type Plan, type Step } from './plan.ts';
import { Random } from './random.ts';

/** Longest chaos and the quiet after it: the quiet is longer than every bound of the protocol. */
const CHAOS_MS = { least: 15_000, most: 60_000 } as const;
const QUIET_MS = 26_000;
const HOSTS_MAX = 8;
/** In every so many lives the record has a schedule. */
const SCHEDULE_EVERY = 4;
/** Every so many seeds one situation is played out instead of a mix of troubles. */
const SITUATION_EVERY = 5;

/** What a plan may contain: drawn once per seed, so that many seeds are free of each kind of trouble (its checks are then strict). */
interface Mix {
  readonly splits: boolean;
  readonly crashes: boolean;
  readonly clocks: boolean;
  readonly disks: boolean;
  readonly limits: boolean;
  readonly hostile: boolean;
  readonly jobs: boolean;
  readonly leaving: boolean;
  readonly copies: boolean;
}

/** The plan of a seed. `instances` fixes the number of hosts that start in the beginning. */
export function drawPlan(seed: number, instances?: number): Plan {
  const random = new Random(seed, 77);
  if (instances === undefined && seed % SITUATION_EVERY === 0)
    return drawSituation(seed, seed / SITUATION_EVERY, random);
  const mix = drawMix(random);
  const maxInstances = random.between(1, 5);
  const hosts = instances ?? random.between(1, Math.min(HOSTS_MAX - 2, maxInstances + 2));
  const chaosMs = random.between(CHAOS_MS.least, CHAOS_MS.most);
  const steps: Step[] = [...drawStarts(random, mix, hosts)];
  const acts = random.between(2, 14);
  for (let index = 0; index < acts; index++)
    steps.push({ atMs: random.between(1500, chaosMs - 2000), ...drawAct(random, mix, hosts) });
  const stories = random.chance(500) ? random.between(1, 3) : 0;
  for (let index = 0; index < stories; index++) {
    steps.push(...drawStory(random, mix, { atMs: random.between(3000, chaosMs - 4000), hosts, hostsMax: HOSTS_MAX }));
  }
  if (mix.jobs)
    for (let at = 3000; at < chaosMs; at += random.between(2000, 12_000))
      steps.push({ atMs: at, ...drawJobs(random, hosts) });
  steps.sort((a, b) => a.atMs - b.atMs);
  return {
    seed,
    maxInstances,
    bootstrap: mix.splits && random.chance(150) ? 'first' : 'all',
    conditions: drawConditions(random, mix),
    dialMs: random.pick([20, 20, 200, 1500]) ?? 20,
    chaosMs,
    ...(seed % SCHEDULE_EVERY === 3 ? { everySeconds: new Random(seed, 78).between(4, 15) } : {}),
    quietMs: QUIET_MS,
    steps,
  };
}

function drawMix(random: Random): Mix {
  return {
    splits: random.chance(450),
    crashes: random.chance(600),
    clocks: random.chance(400),
    disks: random.chance(250),
    limits: random.chance(500),
    hostile: random.chance(200),
    jobs: random.chance(500),
    leaving: random.chance(500),
    copies: random.chance(120),
  };
}

function drawConditions(random: Random, { splits }: Mix): Conditions {
  if (random.chance(300)) return CALM;
  const lossy = random.chance(500);
  return {
    lossPerMille: lossy ? random.between(1, splits ? 300 : 100) : 0,
    duplicatePerMille: random.chance(400) ? random.between(1, 300) : 0,
    delayLeastMs: random.pick([0.1, 1, 10, 40]) ?? 1,
    delayMeanMs: random.pick([0.5, 2, 10, 30]) ?? 1,
    slowPerMille: random.chance(400) ? random.between(1, 50) : 0,
    slowMs: splits ? (random.pick([100, 300, 1000, 4000]) ?? 100) : random.between(50, 300),
  };
}

function drawStarts(random: Random, mix: Mix, hosts: number): readonly Step[] {
  const together = random.chance(500);
  return Array.from({ length: hosts }, (_, host) => ({
    atMs: together ? random.below(20) : random.below(10_000),
    ...drawStart(random, mix, host),
  }));
}

function drawStart(random: Random, { clocks }: Mix, host: number): Extract<Act, { kind: 'start' }> {
  const offsetMs = clocks ? (random.pick([0, 300, -300, 5000, -5000, -3_600_000, 3_600_000]) ?? 0) : 0;
  const driftPpm = clocks && random.chance(500) ? random.between(-200, 200) : 0;
  return { kind: 'start', host, standby: random.chance(300), offsetMs, driftPpm, replaces: null };
}

function drawAct(random: Random, mix: Mix, hosts: number): Act {
  const host = random.below(hosts);
  const extra = hosts + random.below(HOSTS_MAX - hosts);
  const kinds: (() => Act)[] = [() => drawStart(random, mix, extra)];
  if (mix.splits)
    kinds.push(
      () => drawPartition(random, hosts),
      () => drawPause(random, host),
      () => drawBrokenPair(random, hosts),
    );
  if (mix.crashes) {
    kinds.push(
      () => ({ kind: 'crash', host, loud: random.chance(600), atWrite: random.chance(300) }),
      () => ({ kind: 'restart', host, disk: random.chance(700) ? 'kept' : 'lost', standby: random.chance(300) }),
      () => ({ kind: 'restart', host, disk: 'kept', standby: random.chance(300) }),
    );
  }
  if (mix.clocks)
    kinds.push(() => ({
      kind: 'clock-jump',
      host,
      byMs: random.pick([500, -500, 8000, -8000, 3_600_000, -3_600_000]) ?? 0,
    }));
  if (mix.disks) kinds.push(() => ({ kind: 'disk-failure', host, forMs: random.between(500, 8000) }));
  if (mix.limits)
    kinds.push(
      () => drawLimit(random, mix, host),
      () => drawLimit(random, mix, host),
      () => drawEquivocation(random, mix, hosts),
    );
  if (mix.hostile) kinds.push(() => drawHostile(random, random.chance(500) ? host : extra));
  if (mix.copies) kinds.push(() => ({ kind: 'copy-data-directory', host, to: extra }));
  if (mix.leaving) {
    kinds.push(
      () => ({ kind: random.chance(600) ? 'drain' : 'leave', host }),
      () => ({ kind: 'restart', host, disk: 'kept', standby: random.chance(500) }),
      () => ({ ...drawStart(random, mix, extra), replaces: host }),
    );
  }
  return (random.pick(kinds) ?? kinds[0] ?? (() => drawStart(random, mix, extra)))();
}

function drawPartition(random: Random, hosts: number): Act {
  const all = random.shuffle(Array.from({ length: HOSTS_MAX }, (_, host) => host));
  const side = all.filter((host) => host < hosts).slice(0, random.between(1, Math.max(1, hosts - 1)));
  return {
    kind: 'partition',
    side: [...side, ...all.filter((host) => host >= hosts && random.chance(500))].sort((a, b) => a - b),
    oneWay: random.chance(350),
    mode: random.chance(500) ? 'drop' : 'stall',
    forMs: random.pick([300, 1500, 4000, 10_000, 25_000]) ?? 4000,
  };
}

/** Two or three that cannot reach each other, while everybody else reaches all of them. */
function drawBrokenPair(random: Random, hosts: number): Act {
  const all = random.shuffle(Array.from({ length: HOSTS_MAX }, (_, host) => host)).filter((host) => host < hosts + 1);
  return {
    kind: 'partition',
    side: all.slice(0, 1),
    others: all.slice(1, random.between(2, 3)),
    oneWay: random.chance(300),
    mode: random.chance(700) ? 'drop' : 'stall',
    forMs: random.pick([1500, 6000, 15_000, 40_000]) ?? 6000,
  };
}

function drawPause(random: Random, host: number): Act {
  return {
    kind: 'pause',
    host,
    forMs: random.pick([200, 900, 2500, 6000, 20_000]) ?? 900,
    timersFirst: random.chance(500),
  };
}

function drawLimit(random: Random, { clocks }: Mix, host: number): Act {
  const offsetMs = clocks ? (random.pick([0, 20_000, -20_000, -3_600_000, 3_600_000]) ?? 0) : 0;
  const expiresInMs = random.chance(60) ? random.between(2000, 20_000) : null;
  return { kind: 'set-limit', host, maxInstances: random.between(1, 6), expiresInMs, offsetMs };
}

function drawEquivocation(random: Random, mix: Mix, hosts: number): Act {
  if (!random.chance(250)) return drawLimit(random, mix, random.below(hosts));
  return {
    kind: 'equivocate',
    left: random.between(1, 3),
    right: random.between(4, 6),
    hosts: [random.below(hosts), random.below(hosts)],
  };
}

function drawHostile(random: Random, host: number): Act {
  return {
    kind: 'hostile',
    host,
    acts: random.shuffle(HOSTILE_ACTS).slice(0, random.between(3, 6)),
    forMs: random.between(3000, 30_000),
  };
}

function drawJobs(random: Random, hosts: number): Act {
  return {
    kind: 'jobs',
    entry: random.below(hosts),
    count: random.between(1, 12),
    spacingMs: random.pick([0, 5, 100, 500]) ?? 0,
    durationMs: random.pick([20, 500, 3000, 9000]) ?? 20,
    twist: random.pick(['none', 'none', 'duplicate', 'reroute', 'cancel'] as const) ?? 'none',
  };
}
