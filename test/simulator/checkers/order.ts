import { compareIds } from '../../../src/base/ids.ts';
import { compareStamps } from '../../../src/base/stamp.ts';
import { type MakeChecker, Violation } from '../checker.ts';
import { EPOCH_UNIX_MS } from '../host-clock.ts';
import { holdsSeat } from '../sight.ts';
import type { SimProcess } from '../sim-process.ts';
import { describe, hasTwins } from './holders.ts';

/** Clocks of the pool and of whoever reads a date differ by this much at the most, unless a plan sets one wrong. */
const CLOCKS_MS = 10_000;
/** A holder counts as known to a newcomer when it had its seat for this long as the newcomer started. */
const KNOWN_MS = 2000;

/** Whoever joins orders after those who had their seats when it came, whatever its wall clock says. */
export const orderChecker: MakeChecker = (world) => {
  const seatedAtMs = new Map<SimProcess, number>();
  return {
    seen(process, before) {
      const { seat, joinedAt } = process.sight;
      if (!holdsSeat(process.sight) || holdsSeat(before)) return;
      seatedAtMs.set(process, world.now());
      const anew = seat?.handedOverBy === null && process.incarnation === 1;
      if (
        !anew ||
        world.whole() !== Number.POSITIVE_INFINITY ||
        world.hostile.size > 0 ||
        hasTwins(world, Number.POSITIVE_INFINITY)
      )
        return;
      for (const [older, atMs] of seatedAtMs) {
        const known = older.running && holdsSeat(older.sight) && atMs < process.startedAtMs - KNOWN_MS;
        if (!known || older.startedAtMs > process.startedAtMs) continue;
        if ((compareStamps(older.sight.joinedAt, joinedAt) || compareIds(older.id, process.id)) < 0) continue;
        throw new Violation(
          'order',
          `the newcomer orders before who was there:\n  ${describe(process)}\n  ${describe(older)}`,
        );
      }
    },
  };
};

/** Nobody is let in under a limit that has expired. */
export const expiryChecker: MakeChecker = (world) => ({
  seen(process, before) {
    const { seat } = process.sight;
    if (seat === null || before.seat !== null || seat.handedOverBy !== null || world.hostile.has(process)) return;
    // A seat that was held before the restart is no new one.
    if (process.incarnation > 1) return;
    if (world.faults.of('clock-offset') + world.faults.of('clock-jump') > 0) return;
    const expires = world.operator.limits
      .filter(({ limit }) => limit.version === seat.limitVersion)
      .map(({ limit }) => limit.expiresUnixMs ?? Number.POSITIVE_INFINITY);
    if (EPOCH_UNIX_MS + world.now() > Math.max(...expires) + CLOCKS_MS) {
      throw new Violation(
        'expiry',
        `${describe(process)} took its seat ${Math.round(EPOCH_UNIX_MS + world.now() - Math.max(...expires))} ms after the limit expired`,
      );
    }
  },
});
