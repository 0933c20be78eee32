/** Whether instances see the same pool. */

import type { Instance } from './instance.ts';
import { needs, until } from './until.ts';

/** What the instances are expected to agree on. */
export interface Expected {
  /** Names of those who hold seats. */
  readonly holders?: readonly string[];
  /** How many hold seats, where their names are not known beforehand. */
  readonly seats?: number;
  /** Names of those who wait. */
  readonly waiting?: readonly string[];
  /** Milliseconds. */
  readonly within?: number;
}

/** What all of them answer to `debug admission`. */
export interface Agreed {
  /** Names of the holders, oldest first. */
  readonly holders: readonly string[];
  readonly waiting: readonly string[];
  readonly joinedAt: Readonly<Record<string, string>>;
  readonly maxInstances: number;
  readonly limitVersion: number;
  readonly hint: string | null;
}

const AGREE_MS = 45_000;

/**
 * Waits until `debug admission` is the same document on all of these instances, every live one agrees with every other, and it says what is
 * expected.
 */
export async function untilAgreed(instances: readonly Instance[], expected: Expected): Promise<Agreed> {
  const within = expected.within ?? AGREE_MS;
  const what = `${instances.map(({ name }) => name).join(', ')} agree on ${JSON.stringify(expected)}`;
  return until(what, { within, every: 50, giveUp: () => refuseEnded(instances) }, async () => {
    const reports = await Promise.all(instances.map((instance) => instance.ask({ kind: 'admission' })));
    const [first] = reports;
    needs(first !== undefined, 'nobody was asked');
    const text = JSON.stringify(first);
    for (const [index, report] of reports.entries()) {
      needs(JSON.stringify(report) === text, () => differing(instances, index, [text, JSON.stringify(report)]));
    }
    needs(
      first.agreement.agree === first.agreement.of,
      () => `of their own agreement they say ${JSON.stringify(first.agreement)}`,
    );
    const holders = first.order
      .filter(({ state }) => state === 'admitted' || state === 'draining')
      .map(({ name }) => name);
    const waiting = first.order.filter(({ state }) => state === 'standby').map(({ name }) => name);
    const seen = `they see ${first.order.map(({ name, state }) => `${name} ${state}`).join(', ')}`;
    needs(holders.length === first.seatsHeld, seen);
    needs(expected.holders === undefined || sameNames(holders, expected.holders), seen);
    needs(expected.seats === undefined || holders.length === expected.seats, seen);
    needs(expected.waiting === undefined || sameNames(waiting, expected.waiting), seen);
    needs(
      first.order.every(({ state }) => state !== 'suspect' && state !== 'candidate'),
      seen,
    );
    return {
      holders,
      waiting,
      joinedAt: Object.fromEntries(first.order.map(({ name, joinedAt }) => [name, joinedAt])),
      maxInstances: first.limit.maxInstances,
      limitVersion: first.limit.version,
      hint: first.hint,
    };
  });
}

function differing(instances: readonly Instance[], index: number, [first, other]: readonly [string, string]): string {
  return `${instances[index]?.name} answers ${other}\nwhere ${instances[0]?.name} answers ${first}`;
}

function refuseEnded(instances: readonly Instance[]): void {
  const ended = instances.filter(({ isRunning }) => !isRunning);
  if (ended.length > 0)
    throw new Error(`ended while they were waited for: ${ended.map((instance) => instance.tail()).join('\n')}`);
}

function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return [...left].sort().join() === [...right].sort().join();
}
