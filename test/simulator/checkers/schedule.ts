import { dueJobId } from '../../../src/core/schedules/due.ts';
import { type MakeChecker, Violation } from '../checker.ts';
import { EPOCH_UNIX_MS } from '../host-clock.ts';
import { GATEWAY_UID, RECORD_ID } from '../operator.ts';
import type { SimProcess } from '../sim-process.ts';
import type { World } from '../world.ts';

/** From the beginning of the quiet time until everybody sees everybody, the council too. */
const RECOVERED_MS = 16_000;
/** From a due time until its job begins, when a majority is there: two looks, a disk, and a vote. */
const BEGUN_MS = 4000;
/** Two sides that form a pool without ever having heard of each other cannot know what the other has done: whom an instance has known for so long counts. */
const KNOWN_MS = 5000;

/** A due time is carried out at most once, by whoever it may be; and in time when a majority is there. */
export const scheduleChecker: MakeChecker = (world) => {
  const { everySeconds } = world.plan;
  if (everySeconds === undefined) return {};
  const begun = new Map<string, SimProcess>();
  const known = new Map<SimProcess, Map<string, number>>();
  const knows = (process: SimProcess, other: SimProcess): boolean =>
    process === other || world.now() - (known.get(process)?.get(other.id) ?? world.now()) >= KNOWN_MS;
  return {
    seen(process) {
      const ids = known.get(process) ?? new Map<string, number>();
      known.set(process, ids);
      const { members } = process.machine.view({ atMs: process.clock.atMs(world.now()) });
      for (const { record } of members) if (!ids.has(record.instanceId)) ids.set(record.instanceId, world.now());
    },
    effect(process, effect) {
      if (effect.kind !== 'begin' || effect.resumed) return;
      const { jobId } = effect.notice;
      const before = begun.get(jobId);
      if (before !== undefined && !isCopy(process, before) && knows(process, before))
        throw new Violation('schedule', `${process.name} begins ${jobId}, which ${before.name} has begun`);
      begun.set(jobId, process);
    },
    finished() {
      if (!isJudged(world)) return;
      const periodMs = everySeconds * 1000;
      const endMs = world.plan.chaosMs + world.plan.quietMs;
      for (let due = periodMs; due + BEGUN_MS <= endMs; due += periodMs) {
        if (due < world.plan.chaosMs + RECOVERED_MS) continue;
        if (!begun.has(dueJobId(GATEWAY_UID, RECORD_ID, EPOCH_UNIX_MS + due)))
          throw new Violation('schedule', `nobody has begun what was due at ${due / 1000} s: ${waiting(world)}`);
      }
    },
  };
};

/** Two processes with one identity, on copies of one data directory, are one instance to everybody, and to each other. */
function isCopy(process: SimProcess, other: SimProcess): boolean {
  return process.id === other.id && process.host !== other.host;
}

/**
 * Where a majority of those once admitted is gone for good, and was not seen to leave, waiting is right; whose clock was moved has other due times; and a record that was lost with the
 * only disks that held it is never due.
 */
function isJudged(world: World): boolean {
  const troubled = world.plan.steps.some(
    ({ kind }) => kind === 'clock-jump' || kind === 'copy-data-directory' || kind === 'hostile',
  );
  const offset = world.plan.steps.some((step) => step.kind === 'start' && (step.offsetMs !== 0 || step.driftPpm !== 0));
  const admitted = world.live().filter(({ sight }) => sight.state === 'admitted');
  const rows = admitted.flatMap(({ machine }) => machine.schedules.list());
  const dead = admitted.some(({ machine, clock }) =>
    machine.view({ atMs: clock.atMs(world.now()) }).members.some(({ state }) => state === 'dead'),
  );
  // Who joined after a crash knows the crashed one by its place in the council only.
  const gone = dead || world.plan.steps.some(({ kind }) => kind === 'crash');
  const waits = gone && rows.some(({ waiting: why }) => why !== null);
  return !troubled && !offset && !waits && rows.length > 0;
}

function waiting(world: World): string {
  return world
    .live()
    .map(({ name, machine }) => `${name}: ${machine.schedules.list()[0]?.waiting ?? 'nothing waits'}`)
    .join('; ');
}
