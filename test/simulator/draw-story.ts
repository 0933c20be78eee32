import type { Act, Step } from './plan.ts';
import type { Random } from './random.ts';

/** Where and when a story plays. */
export interface Stage {
  readonly atMs: number;
  /** Hosts that started in the beginning: 0 to this, not included. */
  readonly hosts: number;
  /** Hosts there may be in all. */
  readonly hostsMax: number;
}

/** Several steps that belong together: situations that single steps meet too seldom. */
type Story = (random: Random, stage: Stage) => readonly Step[];

/** Everybody loses power, and comes back one after the other, perhaps with somebody new. */
const powerCut: Story = (random, { atMs, hosts, hostsMax }) => {
  const backMs = atMs + (random.pick([300, 2000, 12_000]) ?? 2000);
  const spreadMs = random.pick([1, 500, 6000]) ?? 500;
  const standby = random.chance(400);
  const steps: Step[] = [];
  for (let host = 0; host < hosts; host++) {
    steps.push({ atMs: atMs + random.below(20), kind: 'crash', host, loud: random.chance(500), atWrite: false });
    if (random.chance(850)) {
      steps.push({
        atMs: backMs + random.below(spreadMs),
        kind: 'restart',
        host,
        disk: random.chance(900) ? 'kept' : 'lost',
        standby,
      });
    }
  }
  if (random.chance(500))
    steps.push(start(backMs + random.below(spreadMs), newcomer(random, { atMs, hosts, hostsMax }), random.chance(600)));
  return steps;
};

/** One of the two dies while a seat goes from one to the other. */
const brokenHandover: Story = (random, stage) => {
  const { atMs, hosts } = stage;
  const [giver, taker] = [random.below(hosts), newcomer(random, stage)];
  const dies = random.chance(500) ? giver : taker;
  const diesMs = atMs + random.between(300, 1500);
  return [
    { ...start(atMs, taker, false), replaces: giver },
    { atMs: diesMs, kind: 'crash', host: dies, loud: random.chance(600), atWrite: random.chance(500) },
    {
      atMs: diesMs + random.between(200, 6000),
      kind: 'restart',
      host: dies,
      disk: 'kept',
      standby: random.chance(300),
    },
  ];
};

/** One after the other is replaced. */
const rollingUpdate: Story = (random, { atMs, hosts, hostsMax }) =>
  Array.from({ length: Math.min(hosts, hostsMax - hosts) }, (_, index) => ({
    ...start(atMs + index * (random.pick([0, 400, 3000]) ?? 400), hosts + index, random.chance(300)),
    replaces: index,
  }));

/** Newcomers and a new limit on the sides of a split. */
const splitGrowth: Story = (random, stage) => {
  const { atMs, hosts, hostsMax } = stage;
  const all = random.shuffle(Array.from({ length: hostsMax }, (_, host) => host));
  const side = all.slice(0, random.between(1, hostsMax - 1)).sort((a, b) => a - b);
  const forMs = random.pick([4000, 12_000, 20_000]) ?? 12_000;
  const during = (): number => atMs + random.below(forMs);
  const steps: Step[] = [
    { atMs, kind: 'partition', side, oneWay: random.chance(200), mode: random.chance(500) ? 'drop' : 'stall', forMs },
  ];
  for (let host = hosts; host < hostsMax; host++)
    if (random.chance(600)) steps.push(start(during(), host, random.chance(400)));
  if (random.chance(500)) steps.push(setLimit(during(), random.below(hosts), random.between(1, 6)));
  if (random.chance(400))
    steps.push({ atMs: during(), kind: random.chance(500) ? 'drain' : 'leave', host: random.below(hosts) });
  if (random.chance(400)) {
    const host = random.below(hosts);
    const diesMs = during();
    steps.push({ atMs: diesMs, kind: 'crash', host, loud: random.chance(500), atWrite: false });
    steps.push({
      atMs: diesMs + random.between(300, 8000),
      kind: 'restart',
      host,
      disk: 'kept',
      standby: random.chance(500),
    });
  }
  return steps;
};

/** One host's way out or in breaks and heals again and again. */
const flapping: Story = (random, { atMs, hosts }) => {
  const side = [random.below(hosts)];
  const forMs = random.pick([700, 2500]) ?? 700;
  const oneWay = random.chance(600);
  return Array.from(
    { length: 5 },
    (_, index) => ({ atMs: atMs + index * 2 * forMs, kind: 'partition', side, oneWay, mode: 'drop', forMs }) as const,
  );
};

/** An instance that crashes as soon as it is up. */
const crashLoop: Story = (random, { atMs, hosts }) => {
  const host = random.below(hosts);
  return Array.from({ length: 4 }, (_, index): readonly Step[] => {
    const diesMs = atMs + index * (random.pick([600, 1500, 3500]) ?? 1500);
    return [
      { atMs: diesMs, kind: 'crash', host, loud: true, atWrite: random.chance(300) },
      { atMs: diesMs + random.between(50, 400), kind: 'restart', host, disk: 'kept', standby: false },
    ];
  }).flat();
};

/** Several want one seat in the moment in which it becomes free, while the limit changes. */
const raceForSeat: Story = (random, stage) => {
  const { atMs, hosts, hostsMax } = stage;
  const steps: Step[] = [];
  for (let host = hosts; host < hostsMax; host++)
    steps.push(start(atMs - random.below(1200), host, random.chance(600)));
  steps.push({
    atMs: atMs + random.below(30),
    kind: random.chance(500) ? 'drain' : 'leave',
    host: random.below(hosts),
  });
  if (random.chance(500)) steps.push(setLimit(atMs + random.below(600), random.below(hosts), random.between(1, 6)));
  if (random.chance(300)) steps.push(setLimit(atMs + random.below(600), random.below(hosts), random.between(1, 6)));
  return steps;
};

const STORIES = { powerCut, brokenHandover, rollingUpdate, splitGrowth, flapping, crashLoop, raceForSeat } as const;

/** The stories that a mix of troubles allows. */
export function drawStory(
  random: Random,
  mix: { readonly splits: boolean; readonly crashes: boolean; readonly leaving: boolean },
  stage: Stage,
): readonly Step[] {
  const told: (keyof typeof STORIES)[] = [];
  if (mix.crashes) told.push('powerCut', 'crashLoop');
  if (mix.crashes && mix.leaving) told.push('brokenHandover');
  if (mix.leaving) told.push('rollingUpdate', 'raceForSeat');
  if (mix.splits) told.push('splitGrowth', 'flapping');
  const name = random.pick(told);
  return name === undefined ? [] : STORIES[name](random, stage);
}

function newcomer(random: Random, { hosts, hostsMax }: Stage): number {
  return hosts + random.below(hostsMax - hosts);
}

function start(
  atMs: number,
  host: number,
  standby: boolean,
): { readonly atMs: number } & Extract<Act, { kind: 'start' }> {
  return { atMs, kind: 'start', host, standby, offsetMs: 0, driftPpm: 0, replaces: null };
}

function setLimit(atMs: number, host: number, maxInstances: number): Step {
  return { atMs, kind: 'set-limit', host, maxInstances, expiresInMs: null, offsetMs: 0 };
}
