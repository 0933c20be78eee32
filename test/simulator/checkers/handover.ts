import { type MakeChecker, Violation } from '../checker.ts';
import { holdsSeat } from '../sight.ts';
import type { SimProcess } from '../sim-process.ts';
import { describe } from './holders.ts';

/** Longest time in which a seat under way from one instance to the other is held by neither, while nothing is cut or lost. */
const UNDER_WAY_MS = 1000;

/** A seat handed over is never held twice, and not lost on the way unless one of the two dies. */
export const handoverChecker: MakeChecker = (world) => {
  const givers: { readonly giver: SimProcess; readonly atMs: number; taken: boolean }[] = [];
  const key = ({ sight }: SimProcess): string =>
    `${sight.seat?.grantedAt.unixMs}/${sight.seat?.grantedAt.counter}/${sight.joinedAt.unixMs}/${sight.joinedAt.counter}`;
  const calm = world.plan.conditions.lossPerMille === 0 && world.plan.conditions.slowPerMille === 0;
  return {
    seen(process, before) {
      if (process.sight.successor !== null && before.successor === null)
        givers.push({ giver: process, atMs: world.now(), taken: false });
      if (!holdsSeat(process.sight) || holdsSeat(before)) return;
      // On copies of one data directory the seat is held twice before it is handed over: that is the copy's doing.
      const copied = (id: string): boolean =>
        world.processes.filter((other) => other.running && other.id === id).length > 1;
      for (const other of world.processes) {
        if (
          copied(other.id) ||
          other === process ||
          !other.running ||
          other.id === process.id ||
          !holdsSeat(other.sight)
        )
          continue;
        if (process.sight.seat?.handedOverBy === other.id && key(other) === key(process)) {
          throw new Violation('handover', `one seat, two holders:\n  ${describe(other)}\n  ${describe(process)}`);
        }
      }
      const handed = givers.find(({ giver, taken }) => !taken && giver.sight.successor === process.id);
      if (handed !== undefined) handed.taken = true;
      if (
        handed !== undefined &&
        calm &&
        world.whole() === Number.POSITIVE_INFINITY &&
        world.now() - handed.atMs > UNDER_WAY_MS
      ) {
        throw new Violation(
          'handover',
          `the seat was under way for ${Math.round(world.now() - handed.atMs)} ms to ${describe(process)}`,
        );
      }
    },
    finished() {
      for (const { giver } of givers) {
        const taker = world.processes.find(({ id }) => id === giver.sight.successor);
        if (
          taker === undefined ||
          !taker.running ||
          taker.dismissed ||
          world.hostile.has(taker) ||
          world.whole() !== Number.POSITIVE_INFINITY
        )
          continue;
        if (taker.sight.state !== 'admitted' && taker.sight.state !== 'draining') {
          throw new Violation(
            'handover',
            `${giver.name} handed its seat over, and the successor has none: ${describe(taker)}`,
          );
        }
      }
    },
  };
};
