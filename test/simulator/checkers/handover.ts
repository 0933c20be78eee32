import { compareStamps } from '../../../src/base/stamp.ts';
import { type MakeChecker, Violation } from '../checker.ts';
import { holdsSeat } from '../sight.ts';
import type { SimProcess } from '../sim-process.ts';
import type { World } from '../world.ts';
import { describe, hasTwins } from './holders.ts';

/** Longest time in which a seat under way from one instance to the other is held by neither, while nothing is cut or lost. */
const UNDER_WAY_MS = 1000;

/** A seat handed over is never held twice, and not lost on the way unless one of the two dies. */
export const handoverChecker: MakeChecker = (world) => {
  const gifts: Gift[] = [];
  const calm = world.plan.conditions.lossPerMille === 0 && world.plan.conditions.slowPerMille === 0;
  return {
    seen(process, before) {
      if (process.sight.successor !== null && before.successor === null)
        gifts.push({ giver: process, atMs: world.now(), taken: false });
      if (!holdsSeat(process.sight) || holdsSeat(before)) return;
      const other = world.processes.find((one) => isHeldBy(one, process) && !isCopied(world, one.id));
      if (other !== undefined)
        throw new Violation('handover', `one seat, two holders:\n  ${describe(other)}\n  ${describe(process)}`);
      const rival = world.processes.find((one) => isSameGift(one, process) && !isCopied(world, one.id));
      if (rival !== undefined)
        throw new Violation('handover', `one seat, two heirs:\n  ${describe(rival)}\n  ${describe(process)}`);
      const gift = gifts.find(({ giver, taken }) => !taken && giver.sight.successor === process.id);
      if (gift === undefined) return;
      gift.taken = true;
      const late = world.now() - gift.atMs > UNDER_WAY_MS && process.startedAtMs < gift.atMs;
      if (late && calm && world.whole() === Number.POSITIVE_INFINITY) {
        throw new Violation(
          'handover',
          `the seat was under way for ${Math.round(world.now() - gift.atMs)} ms to ${describe(process)}`,
        );
      }
    },
    finished() {
      if (world.whole() !== Number.POSITIVE_INFINITY) return;
      for (const { giver } of gifts) {
        if (hasTwins(world, Number.POSITIVE_INFINITY, [giver.id])) continue;
        const taker = world.processes.find(({ id }) => id === giver.sight.successor);
        const judged = taker?.running === true && !taker.dismissed && !world.hostile.has(taker);
        if (judged && taker.sight.state !== 'admitted' && taker.sight.state !== 'draining') {
          throw new Violation(
            'handover',
            `${giver.name} handed its seat over, and the successor has none: ${describe(taker)}`,
          );
        }
      }
    },
  };
};

interface Gift {
  readonly giver: SimProcess;
  readonly atMs: number;
  taken: boolean;
}

/** True when the other one still holds the seat that it handed over to this process. */
function isHeldBy(other: SimProcess, { id, sight }: SimProcess): boolean {
  if (!other.running || other.id === id || !holdsSeat(other.sight) || sight.seat?.handedOverBy !== other.id)
    return false;
  return other.sight.seat !== null && compareStamps(other.sight.seat.grantedAt, sight.seat.grantedAt) === 0;
}

/** True when both hold what one and the same instance handed over. */
function isSameGift(other: SimProcess, { id, sight }: SimProcess): boolean {
  if (!other.running || other.id === id || !holdsSeat(other.sight) || sight.seat === null || other.sight.seat === null)
    return false;
  const [mine, its] = [sight.seat, other.sight.seat];
  return (
    mine.handedOverBy !== null &&
    mine.handedOverBy === its.handedOverBy &&
    compareStamps(mine.grantedAt, its.grantedAt) === 0
  );
}

/** On copies of one data directory the seat is held twice before it is handed over: that is the copy's doing. */
function isCopied(world: World, id: string): boolean {
  return world.processes.filter((process) => process.running && process.id === id).length > 1;
}
