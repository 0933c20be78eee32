import type { Random } from './random.ts';

/** How the network behaves all the time, apart from partitions. */
export interface Conditions {
  /** Messages that vanish, of 1000: on a link, and on every hop of gossip. */
  readonly lossPerMille: number;
  /** Messages that arrive twice, of 1000: on a link right behind each other, gossip up to two seconds later. */
  readonly duplicatePerMille: number;
  /** Shortest way, in milliseconds. */
  readonly delayLeastMs: number;
  /** Mean of what comes on top: exponentially distributed. */
  readonly delayMeanMs: number;
  /** Messages that take `slowMs` longer, of 1000: what a lost packet costs on TCP. */
  readonly slowPerMille: number;
  readonly slowMs: number;
}

/** What a data centre's network is like. */
export const CALM: Conditions = {
  lossPerMille: 0,
  duplicatePerMille: 0,
  delayLeastMs: 0.2,
  delayMeanMs: 1,
  slowPerMille: 0,
  slowMs: 0,
};

/** Loss up to which the protocol promises never to declare anybody live dead (10 %). */
export const LOSS_PROMISED_PER_MILLE = 100;
/** Slow ways up to which it promises that. */
export const SLOW_PROMISED_MS = 300;

/** True when these conditions alone may make an instance look dead. */
export function breaksPromises({ lossPerMille, delayLeastMs, delayMeanMs, slowPerMille, slowMs }: Conditions): boolean {
  return (
    lossPerMille > LOSS_PROMISED_PER_MILLE ||
    (slowPerMille > 0 && slowMs > SLOW_PROMISED_MS) ||
    delayLeastMs + delayMeanMs > 100
  );
}

/** How long one message is on its way. */
export function drawDelayMs(conditions: Conditions, random: Random): number {
  const { delayLeastMs, delayMeanMs, slowPerMille, slowMs } = conditions;
  const delayMs = delayLeastMs - delayMeanMs * Math.log(1 - random.fraction());
  return random.chance(slowPerMille) ? delayMs + slowMs * random.fraction() : delayMs;
}
