import { type MakeChecker, Violation } from '../checker.ts';
import { holdsSeat } from '../sight.ts';
import { allowedBy, allowedFor, describe, HEAL_MS, hasTwins, holders } from './holders.ts';

/**
 * While everybody can see everybody, the seats held at the moment of a grant never exceed what the limit it was granted under allows: at any
 * moment, not only in the end.
 */
export const limitChecker: MakeChecker = (world) => ({
  seen(process, before) {
    const { seat } = process.sight;
    if (seat === null || holdsSeat(before) || !holdsSeat(process.sight) || world.hostile.has(process)) return;
    if (world.whole() < HEAL_MS || seat.handedOverBy !== null || hasTwins(world, HEAL_MS)) return;
    const allowed = allowedBy(world, seat.limitVersion);
    if (seat.maxInstances !== allowed && world.faults.of('limit-equivocation') === 0) {
      throw new Violation('limit', `${describe(process)} states a limit that no admin signed`);
    }
    const now = holders(world);
    if (now.length > Math.max(allowed, process.sight.limit.maxInstances)) {
      throw new Violation(
        'limit',
        `${now.length} seats under a limit of ${allowed} as ${process.name} takes one:\n  ${now.map(describe).join('\n  ')}`,
      );
    }
  },
});

/** Whatever happened in a split, after the quiet time no seat is left beyond both the limit it was granted under and the one in force. */
export const excessChecker: MakeChecker = (world) => ({
  finished() {
    for (const [rank, process] of holders(world).entries()) {
      const allowed = allowedFor(world, process.sight).most;
      if (rank >= allowed)
        throw new Violation('excess', `rank ${rank} still holds a seat, ${allowed} are allowed: ${describe(process)}`);
    }
  },
});
