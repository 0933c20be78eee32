import { compareIds } from '../../../src/base/ids.ts';
import { compareStamps } from '../../../src/base/stamp.ts';
import { holdsSeat, type SelfSight } from '../sight.ts';
import type { SimProcess } from '../sim-process.ts';
import type { World } from '../world.ts';

/** How long after it has died a holder may still count as one: the time in which its death is noticed. */
export const DEATH_KNOWN_MS = 7000;
/** How far an admin's clock and the pool's may be apart without anybody noticing, both errors together. */
const ISSUE_UNSURE_MS = 65_000;
/** How long after everybody sees everybody again views may differ. */
export const HEAL_MS = 15_000;

/** Processes that hold a seat at this moment, in the order of decisions. Of two on copies of one data directory only one counts: they are one instance to everybody. */
export function holders(world: World): readonly SimProcess[] {
  const holding = new Map<string, SimProcess>();
  for (const process of world.processes) {
    if (process.running && !world.hostile.has(process) && holdsSeat(process.sight)) holding.set(process.id, process);
  }
  return inOrder([...holding.values()]);
}

/** The processes by (joinedAt, id), as DESIGN §5.1 says; written here a second time on purpose. */
export function inOrder(processes: readonly SimProcess[]): readonly SimProcess[] {
  return [...processes].sort((a, b) => compareStamps(a.sight.joinedAt, b.sight.joinedAt) || compareIds(a.id, b.id));
}

/** The most that any limit of this version allowed. */
export function allowedBy(world: World, version: number): number {
  return Math.max(0, ...signedAs(world, version));
}

function signedAs(world: World, version: number): readonly number[] {
  return world.operator.limits.filter(({ limit }) => limit.version === version).map(({ limit }) => limit.maxInstances);
}

/**
 * What may count for a seat (DESIGN §5.2): the limit it was granted under, or a newer one that had been issued by then; or, if that is more, the
 * one in force. What only instances held that are gone counts for nobody. Clocks are not exact, so either judgement is right for a newer limit issued around
 * the grant, and for one that was signed after it with an earlier time.
 */
export function allowedFor(
  world: World,
  { seat, limit }: SelfSight,
): { readonly least: number; readonly most: number } {
  if (seat === null) return { least: 0, most: 0 };
  const newer = world.operator.limits
    .map(({ limit: signed, signedAtMs }) => ({ ...signed, signedAtMs }))
    .filter(
      ({ version }) => version > seat.limitVersion && version <= limit.version && world.operator.held.has(version),
    );
  const takenAtMs = world.seatTakenAtMs(seat);
  const surely = newer.filter(
    ({ issuedUnixMs, signedAtMs }) => issuedUnixMs + ISSUE_UNSURE_MS < seat.grantedAt.unixMs && signedAtMs <= takenAtMs,
  );
  const judging = Math.max(seat.limitVersion, ...surely.map(({ version }) => version));
  const perhaps = newer.filter(
    ({ version, issuedUnixMs }) => version > judging && issuedUnixMs - ISSUE_UNSURE_MS < seat.grantedAt.unixMs,
  );
  // Of an equivocated version either number may be the one that the seat was granted under.
  const counts = [...signedAs(world, judging), ...perhaps.map(({ maxInstances }) => maxInstances)];
  return { least: Math.max(limit.maxInstances, Math.min(...counts)), most: Math.max(limit.maxInstances, ...counts) };
}

/** The newest limit that any live process holds. */
export function newestHeld(world: World): { readonly version: number; readonly maxInstances: number } {
  const held = world.live().map(({ sight }) => sight.limit);
  return held.reduce((a, b) => (b.version > a.version ? b : a), { version: 0, maxInstances: 0, digest: '' });
}

/** A process for messages. */
export function describe({ name, id, incarnation, sight }: SimProcess): string {
  const { state, seat, joinedAt, limit } = sight;
  const held = seat === null ? 'no seat' : `seat of limit ${seat.maxInstances} v${seat.limitVersion}`;
  return `${name}/${id.slice(-6)}#${incarnation} ${state}, ${held}, joined ${joinedAt.unixMs}/${joinedAt.counter}, limit ${limit.maxInstances} v${limit.version}`;
}

/**
 * True while two processes run on copies of one data directory, and for a while after: what either of them says replaces what the other said, so nobody can tell
 * how many seats the two hold.
 */
export function hasTwins(
  world: World,
  sinceMs: number,
  among: readonly string[] = world.processes.map(({ id }) => id),
): boolean {
  const there = world.processes.filter(({ id, endedAtMs }) => among.includes(id) && endedAtMs >= world.now() - sinceMs);
  return there.some((process) =>
    there.some(
      (other) =>
        other.id === process.id &&
        other.host !== process.host &&
        other.startedAtMs <= process.endedAtMs &&
        process.startedAtMs <= other.endedAtMs,
    ),
  );
}
