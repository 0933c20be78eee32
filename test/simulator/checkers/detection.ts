import { type MakeChecker, Violation } from '../checker.ts';
import type { SimProcess } from '../sim-process.ts';
import { hasTwins } from './holders.ts';

/** A restarted instance may be called dead for this long: its death was noticed, its return not yet. */
const RETURN_KNOWN_MS = 5000;
/** How long after a split somebody may still look dead. */
const SPLIT_KNOWN_MS = 10_000;
/** Until everybody has noticed a death. */
export const DEATH_NOTICED_MS = 6000;

/** Nobody who lives and can be reached is declared dead, at up to a tenth of all messages lost; and who has died is, in time. */
export const detectionChecker: MakeChecker = (world) => ({
  effect(process, effect) {
    if (effect.kind !== 'note' || effect.note.event !== 'member-dead' || world.hostile.has(process)) return;
    if (world.whole() < SPLIT_KNOWN_MS || world.now() - process.startedAtMs < 100) return;
    const { instance, silentMs } = effect.note.detail;
    const victim = world.processes.find((other) => other.id === instance && other.running);
    if (victim === undefined || world.now() - victim.startedAtMs < RETURN_KNOWN_MS) return;
    // A second process with the same identity takes over the links of the first.
    if (hasTwins(world, SPLIT_KNOWN_MS, [process.id, victim.id])) return;
    throw new Violation(
      'detection',
      `${process.name} declares ${victim.name} dead, which lives (heard ${silentMs} ms ago)`,
    );
  },
  ended(process) {
    if (process.exit !== null || world.whole() < SPLIT_KNOWN_MS) return;
    const witnesses = world.live().filter((other) => believesIn(world.now(), other, process));
    world.after(DEATH_NOTICED_MS, () => {
      const returned = world.processes.some(
        (other) => other.id === process.id && (other.running || other.startedAtMs > process.startedAtMs),
      );
      // A hostile member that replays what the dead one said keeps it alive for newcomers a little longer.
      if (world.whole() < DEATH_NOTICED_MS || returned || world.hostile.size > 0) return;
      const blind = witnesses.find((other) => other.running && believesIn(world.now(), other, process));
      if (blind !== undefined)
        throw new Violation(
          'detection',
          `${blind.name} has not noticed the death of ${process.name} in ${DEATH_NOTICED_MS} ms`,
        );
    });
  },
});

function believesIn(nowMs: number, process: SimProcess, other: SimProcess): boolean {
  const { admission } = process.machine.view({ atMs: process.clock.atMs(nowMs) });
  return admission.order.some(({ instanceId }) => instanceId === other.id);
}
