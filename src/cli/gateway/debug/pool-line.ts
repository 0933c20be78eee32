/** Pure: the line above every table, and how states look. */
import type { PoolReport, ShownState } from '../../../api/client.ts';
import type { Palette } from '../../frame/palette.ts';
import type { Style } from '../../frame/terminal.ts';
import { formatAgo, printable } from '../../frame/text.ts';

/** Which pool, under which limit, how full, and whether its instances agree. */
export function formatPoolLine(pool: PoolReport, { palette, nowUnixMs }: Style): string {
  const { gateway, limit, seatsHeld, waiting, agreement } = pool;
  const expires = limit.expiresAt === null ? '' : `, expires ${formatAgo(limit.expiresAt, nowUnixMs)}`;
  const seats = `${seatsHeld} of ${limit.maxInstances} seats held`;
  const parts = [
    palette.strong(`POOL ${printable(gateway.name)}`),
    `limit ${limit.maxInstances} (v${limit.version}${expires})`,
    seatsHeld > limit.maxInstances ? palette.warning(seats) : seats,
    ...(waiting === 0 ? [] : [`${waiting} waiting`]),
    formatAgreement(agreement, palette),
  ];
  return parts.join('   ');
}

/** `all 5 agree`, or how many of them do. */
export function formatAgreement({ agree, of }: PoolReport['agreement'], palette: Palette): string {
  if (agree === of) return palette.good(of === 1 ? 'alone' : `all ${of} agree`);
  return palette.bad(`${agree} of ${of} agree`);
}

/** Colours a state's cell, padding included. */
export function paintState(state: ShownState | string, palette: Palette): (cell: string) => string {
  switch (state) {
    case 'admitted':
    case 'succeeded':
    case 'running':
      return palette.good;
    case 'candidate':
    case 'standby':
    case 'draining':
    case 'submitted':
    case 'accepted':
    case 'cancelled':
      return palette.warning;
    case 'suspect':
    case 'dead':
    case 'failed':
    case 'lost':
      return palette.bad;
    default:
      return palette.faint;
  }
}
