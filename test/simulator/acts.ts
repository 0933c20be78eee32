import { assertNever } from '../../src/base/assert.ts';
import { Disk } from './disk.ts';
import { EPOCH_UNIX_MS } from './host-clock.ts';
import { becomeHostile } from './hostile.ts';
import type { Cut } from './partitions.ts';
import { type Act, hostsOf } from './plan.ts';
import type { Answer, World } from './world.ts';

/** Does one thing to the world. What makes no sense at this moment does nothing. */
export function perform(world: World, act: Act): void {
  switch (act.kind) {
    case 'start':
      return start(world, act);
    case 'drain':
    case 'leave':
      return stop(world, act.kind, act.host);
    case 'crash':
      return crash(world, act);
    case 'restart':
      return restart(world, act);
    case 'pause':
      return pause(world, act);
    case 'partition':
      return partition(world, act);
    case 'clock-jump':
      world.faults.count('clock-jump');
      return world.host(act.host).clock.jump(act.byMs);
    case 'disk-failure':
      return failDisk(world, act);
    case 'copy-data-directory':
      return copyDataDirectory(world, act);
    case 'set-limit':
      return setLimit(world, act);
    case 'equivocate':
      return equivocate(world, act);
    case 'hostile':
      return hostile(world, act);
    case 'jobs':
      return world.clients.begin(act);
    default:
      assertNever(act);
  }
}

type ActOf<K extends Act['kind']> = Extract<Act, { kind: K }>;

function start(world: World, { host: number, standby, offsetMs, driftPpm, replaces }: ActOf<'start'>): void {
  const host = world.host(number);
  if (host.process !== undefined) return;
  if (offsetMs !== 0) world.faults.count('clock-offset');
  if (driftPpm !== 0) world.faults.count('clock-drift');
  if (standby) world.faults.count('standby');
  host.clock.jump(offsetMs);
  host.clock.drift(world.now(), driftPpm);
  const replaced = replaces === null ? undefined : world.host(replaces).process;
  if (replaced !== undefined) world.faults.count('handover');
  const process = world.start(host, { standby, replaces: replaced?.id ?? null });
  if (world.processes.length === 1) offerRecord(world, process.host);
}

function offerRecord(world: World, host: number): void {
  const process = world.host(host).process;
  const retry = (): void => world.after(500, () => offerRecord(world, world.live()[0]?.host ?? host));
  if (process === undefined) return retry();
  let answered = false;
  world.ask(
    process,
    (ticket) => ({ kind: 'offer-record', sealed: world.operator.record(), ticket }),
    (answer: Answer) => {
      answered = true;
      if (answer.kind !== 'done' && !(answer.kind === 'refused' && answer.failure.code === 'already-exists')) retry();
    },
  );
  world.after(2000, () => {
    if (!answered) retry();
  });
}

function stop(world: World, kind: 'drain' | 'leave', host: number): void {
  const { process } = world.host(host);
  if (process === undefined) return;
  world.faults.count(kind);
  process.receive({ kind, reason: 'stopped by its operator' });
}

function crash(world: World, { host, loud, atWrite }: ActOf<'crash'>): void {
  const { process } = world.host(host);
  if (process === undefined) return;
  const now = (): void => {
    if (process.running) world.faults.count(loud ? 'crash-loud' : 'crash-silent');
    world.crash(process, loud);
  };
  if (!atWrite) return now();
  process.atNextWrite = now;
  world.atQuiet(() => {
    process.atNextWrite = null;
  });
}

function restart(world: World, { host: number, disk, standby }: ActOf<'restart'>): void {
  const host = world.host(number);
  if (host.process !== undefined || host.disk.starts === 0) return;
  world.faults.count(disk === 'kept' ? 'restart-with-disk' : 'restart-without-disk');
  if (disk === 'lost') host.disk = new Disk(world.keyring.make(world.random.fork(number)));
  world.start(host, { standby, replaces: null });
}

function pause(world: World, { host, forMs, timersFirst }: ActOf<'pause'>): void {
  const { process } = world.host(host);
  if (process === undefined || !process.awake) return;
  process.freeze();
  world.log(`${process.name} freezes for ${forMs} ms`);
  world.splitBegins();
  let thawed = false;
  const thaw = (): void => {
    if (thawed) return;
    thawed = true;
    world.splitEnds();
    process.thaw(timersFirst);
    world.log(`${process.name} thaws`);
  };
  world.after(forMs, thaw);
  world.atQuiet(thaw);
}

function partition(world: World, { side, others, oneWay, mode, forMs }: ActOf<'partition'>): void {
  const inside = new Set(side);
  const outside = new Set((others ?? hostsOf(world.plan)).filter((host) => !inside.has(host)));
  const cuts: Cut[] = [{ from: inside, to: outside, mode }];
  if (!oneWay) cuts.push({ from: outside, to: inside, mode });
  world.faults.count(oneWay ? 'partition-one-way' : 'partition-two-way');
  world.log(`partition ${oneWay ? 'from' : 'around'} ${[...inside].map((host) => `g${host}`).join(' ')}`);
  const heal = world.cut(cuts);
  world.after(forMs, heal);
  world.atQuiet(heal);
}

function failDisk(world: World, { host, forMs }: ActOf<'disk-failure'>): void {
  const { process } = world.host(host);
  if (process === undefined) return;
  process.diskFailsUntilMs = world.now() + forMs;
  world.atQuiet(() => {
    process.diskFailsUntilMs = 0;
  });
}

function copyDataDirectory(world: World, { host, to }: ActOf<'copy-data-directory'>): void {
  const target = world.host(to);
  if (target.process !== undefined) return;
  const original = world.host(host);
  if (original.disk.starts === 0) return;
  world.faults.count('copied-data-directory');
  target.disk = original.disk.copy();
  world.start(target, { standby: false, replaces: null });
}

function setLimit(world: World, { maxInstances, host, expiresInMs, offsetMs }: ActOf<'set-limit'>): void {
  const { process } = world.host(host);
  if (process === undefined) return;
  const issuedUnixMs = EPOCH_UNIX_MS + Math.floor(world.now()) + offsetMs;
  const before = world.operator.limits.at(-1)?.limit.maxInstances ?? 0;
  if (maxInstances !== before) world.faults.count(maxInstances > before ? 'limit-raised' : 'limit-lowered');
  if (expiresInMs !== null) world.after(expiresInMs, () => world.faults.count('limit-expired'));
  const sealed = world.operator.sign({
    maxInstances,
    issuedUnixMs,
    expiresUnixMs: expiresInMs === null ? null : issuedUnixMs + expiresInMs,
  });
  world.log(`the admin sets the limit to ${maxInstances} on ${process.name}`);
  offerLimit(world, host, sealed, (aheadMs) => {
    world.log(`the admin corrects a clock that is ${aheadMs} ms ahead`);
    setLimit(world, { kind: 'set-limit', maxInstances, host, expiresInMs, offsetMs: offsetMs - aheadMs });
  });
}

/** As `set-max-instances` does: again elsewhere until somebody has taken it. An admin whose clock is refused is told how far it is off. */
function offerLimit(world: World, host: number, sealed: Uint8Array, correct: (aheadMs: number) => void): void {
  const { process } = world.host(host);
  let settled = false;
  const retry = (): void => {
    if (settled) return;
    settled = true;
    const other = world.random.pick(world.live());
    world.after(500, () => offerLimit(world, other?.host ?? host, sealed, correct));
  };
  world.after(1500, retry);
  if (process === undefined || world.hostile.has(process)) return;
  world.ask(
    process,
    (ticket) => ({ kind: 'offer-limit', sealed, ticket }),
    (answer) => {
      if (answer.kind === 'refused' && answer.failure.code === 'storage-failed') return retry();
      const answered = settled;
      settled = true;
      if (answer.kind !== 'refused') return;
      world.log(`limit offered on ${process.name}: refused (${answer.failure.message})`);
      const [, seconds, direction] = /is ([\d.]+) s (ahead|behind)/.exec(answer.failure.message) ?? [];
      if (!answered && seconds !== undefined)
        world.after(200, () => correct(Number(seconds) * (direction === 'ahead' ? 1000 : -1000)));
    },
  );
}

function equivocate(world: World, { left, right, hosts }: ActOf<'equivocate'>): void {
  world.faults.count('limit-equivocation');
  for (const [index, maxInstances] of [left, right].entries()) {
    const host = hosts[index] ?? 0;
    const issuedUnixMs = EPOCH_UNIX_MS + Math.floor(world.now());
    offerLimit(
      world,
      host,
      world.operator.sign({ maxInstances, issuedUnixMs, expiresUnixMs: null }, index === 1),
      () => {},
    );
  }
}

function hostile(world: World, { host, acts, forMs }: ActOf<'hostile'>): void {
  const { process } = world.host(host);
  if (process === undefined || world.hostile.has(process)) return;
  world.log(`${process.name} turns hostile: ${acts.join(', ')}`);
  world.hostile.add(process);
  becomeHostile(world, process, acts);
  const end = (): void => world.crash(process, true);
  world.after(forMs, end);
  world.atQuiet(end);
}
