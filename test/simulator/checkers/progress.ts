import { ExitCode } from '../../../src/base/errors.ts';
import { type MakeChecker, Violation } from '../checker.ts';
import { EPOCH_UNIX_MS } from '../host-clock.ts';
import { holdsSeat } from '../sight.ts';
import type { SimProcess } from '../sim-process.ts';
import { DEATH_KNOWN_MS, describe, HEAL_MS, holders, newestHeld } from './holders.ts';

/** After the quiet time nobody is still on the way: a free seat and somebody who waits for one do not stand beside each other. */
export const progressChecker: MakeChecker = (world) => ({
  finished() {
    const { version, maxInstances } = newestHeld(world);
    const expires = world.operator.limits
      .filter(({ limit }) => limit.version === version)
      .map(({ limit }) => limit.expiresUnixMs);
    const held = holders(world);
    const all = world.live().map(describe).join('\n  ');
    for (const process of world.live()) {
      if (process.sight.state === 'candidate')
        throw new Violation('progress', `${describe(process)} is still a candidate:\n  ${all}`);
      if (process.sight.state === 'draining')
        throw new Violation('progress', `${describe(process)} is still draining:\n  ${all}`);
    }
    // Clocks differ: around its expiry some may think that a limit has expired and some not.
    if (expires.some((unixMs) => unixMs !== null && unixMs < EPOCH_UNIX_MS + world.now() + 8_000_000)) return;
    const waiting = world.live().filter(({ sight }) => sight.state === 'standby');
    if (waiting.length > 0 && held.length < maxInstances) {
      throw new Violation(
        'progress',
        `${held.length} of ${maxInstances} seats are held and ${waiting.length} wait:\n  ${all}`,
      );
    }
  },
});

/** Who ends by itself ends with a reason that is true. */
export const exitChecker: MakeChecker = (world) => {
  const gaveUpAtMs = new Map<SimProcess, number>();
  const occupied = (than: SimProcess): number => {
    const since = world.now() - DEATH_KNOWN_MS;
    const counts = (process: SimProcess): boolean =>
      (process.running && holdsSeat(process.sight)) || (gaveUpAtMs.get(process) ?? Number.NEGATIVE_INFINITY) >= since;
    return world.processes.filter((process) => process !== than && counts(process)).length;
  };
  return {
    seen(process, before) {
      if (holdsSeat(before) && !holdsSeat(process.sight)) gaveUpAtMs.set(process, world.now());
    },
    ended(process) {
      const { exit, sight } = process;
      if (holdsSeat(sight)) gaveUpAtMs.set(process, world.now());
      if (exit === null || world.hostile.has(process)) return;
      const lastLine = exit.lines.at(-1) ?? '';
      if (exit.code === ExitCode.bug) throw new Violation('exit', `${process.name} ended as a bug: ${lastLine}`);
      const refused = exit.code === ExitCode.poolFull && !lastLine.includes('expired');
      if (refused && world.whole() >= HEAL_MS && occupied(process) < sight.limit.maxInstances) {
        throw new Violation('exit', `${process.name} was refused with ${occupied(process)} seats taken: ${lastLine}`);
      }
      const copied = exit.code === ExitCode.usage && lastLine.includes('identity');
      if (copied && world.processes.filter(({ id }) => id === process.id).length < 2) {
        throw new Violation('exit', `${process.name} believes in a twin that there is not: ${lastLine}`);
      }
    },
  };
};
