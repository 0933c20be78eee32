import { compareIds } from '../../../src/base/ids.ts';
import { compareStamps } from '../../../src/base/stamp.ts';
import { holdsSeat } from '../sight.ts';
import type { SimProcess } from '../sim-process.ts';
import type { World } from '../world.ts';

/** How long after it has died a holder may still count as one: the time in which its death is noticed. */
export const DEATH_KNOWN_MS = 7000;
/** How long after everybody sees everybody again views may differ. */
export const HEAL_MS = 15_000;

/** Processes that hold a seat at this moment, in the order of decisions. */
export function holders(world: World): readonly SimProcess[] {
  return inOrder(world.processes.filter((process) => process.running && !world.hostile.has(process) && holdsSeat(process.sight)));
}

/** The processes by (joinedAt, id), as DESIGN §5.1 says; written here a second time on purpose. */
export function inOrder(processes: readonly SimProcess[]): readonly SimProcess[] {
  return [...processes].sort((a, b) => compareStamps(a.sight.joinedAt, b.sight.joinedAt) || compareIds(a.id, b.id));
}

/** The most that any limit of this version allowed. */
export function allowedBy(world: World, version: number): number {
  const signed = world.operator.limits.filter(({ limit }) => limit.version === version);
  return Math.max(0, ...signed.map(({ limit }) => limit.maxInstances));
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
