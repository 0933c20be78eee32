import { type MakeChecker, Violation } from '../checker.ts';
import type { SimProcess } from '../sim-process.ts';
import type { World } from '../world.ts';
import { describe } from './holders.ts';

/** After the quiet time everybody knows the same: the same limit, exactly the live members, and the same order, states and seats. */
export const agreementChecker: MakeChecker = (world) => ({
  finished() {
    const live = world.live();
    const ids = [...new Set(live.map(({ id }) => id))].sort();
    const truth = ids.join(' ');
    const [first, ...others] = live;
    if (first === undefined) return;
    // Two copies of one data directory cannot dial each other: somebody else must be there for them to be noticed.
    if (ids.length === 1) return;
    const isCopied = (process: SimProcess): boolean =>
      live.some((other) => other !== process && other.id === process.id);
    if (live.every(isCopied)) return;
    const twin = live.find(isCopied);
    if (twin !== undefined)
      throw new Violation('twins', `${twin.id.slice(-6)} still runs twice:\n  ${live.map(describe).join('\n  ')}`);
    const expected = knowledge(world, first);
    for (const process of live) {
      const view = process.machine.view({ atMs: process.clock.atMs(world.now()) });
      const known = view.admission.order
        .map(({ instanceId }) => instanceId)
        .sort()
        .join(' ');
      if (known !== truth) {
        throw new Violation(
          'agreement',
          `${process.name} believes in ${shorten(known)}; alive are ${shorten(truth)}\n  ${live.map(describe).join('\n  ')}`,
        );
      }
      if (view.admission.differ.length > 0) {
        throw new Violation(
          'agreement',
          `${process.name} still thinks that others differ: ${JSON.stringify(view.admission.differ)}`,
        );
      }
    }
    for (const process of others) {
      const found = knowledge(world, process);
      if (found !== expected)
        throw new Violation('agreement', `${first.name} and ${process.name} differ:\n  ${expected}\n  ${found}`);
    }
  },
});

function knowledge(world: World, process: SimProcess): string {
  const { limit, admission } = process.machine.view({ atMs: process.clock.atMs(world.now()) });
  const order = admission.order.map(({ instanceId, state, joinedAt, seat }) => {
    const held = seat === null ? '-' : `${seat.limitVersion}/${seat.grantedAt.unixMs}/${seat.grantedAt.counter}`;
    return `${instanceId.slice(-6)} ${state} ${joinedAt.unixMs}/${joinedAt.counter} ${held}`;
  });
  return [`limit ${limit.maxInstances} v${limit.version} ${limit.digest}`, ...order].join('; ');
}

function shorten(ids: string): string {
  return ids
    .split(' ')
    .map((id) => id.slice(-6))
    .join(' ');
}
