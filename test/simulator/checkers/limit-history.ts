import { limitSeal } from '../../../src/wire/limit.ts';
import { open } from '../../../src/wire/sealed.ts';
import { type MakeChecker, Violation } from '../checker.ts';
import type { Disk } from '../disk.ts';

/** The limit of one data directory never goes back, across restarts, and is on disk before it is in force. */
export const limitHistoryChecker: MakeChecker = (world) => {
  const versions = new WeakMap<Disk, number>();
  const onDisk = (disk: Disk): number => {
    const stored = disk
      .remembered()
      .limits.map((sealed) => open(limitSeal, sealed, world.keyring.verify).value.version);
    return Math.max(1, ...stored);
  };
  return {
    seen(process, before) {
      const { version } = process.sight.limit;
      if (version === before.limit.version) return;
      const reached = Math.max(versions.get(process.disk) ?? 0, before.limit.version);
      if (version < reached)
        throw new Violation('limit-history', `${process.name} went from version ${reached} back to ${version}`);
      versions.set(process.disk, version);
      if (version > onDisk(process.disk)) {
        throw new Violation('limit-history', `${process.name} applies version ${version} before it is on disk`);
      }
      if (!world.operator.limits.some(({ limit }) => limit.version === version)) {
        throw new Violation('limit-history', `${process.name} holds version ${version}, which no admin signed`);
      }
    },
  };
};
