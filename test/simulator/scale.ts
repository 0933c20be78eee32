import { measureScale, type Spread } from './scale-measure.ts';

/** Which pools to measure. */
export interface ScaleInit {
  /** Instances of each pool. */
  readonly sizes: readonly number[];
  readonly lossPerMille: number;
}

const HEADER = [
  '| instances | KB/s sent per instance (mean / max) | messages/s | join known, s (p50 / p99 / max) | limit known, s | death known, s | false deaths | burst: max / mean |',
  '| --- | --- | --- | --- | --- | --- | --- | --- |',
];

/**
 * What a pool costs and how fast news travels in it, a row of a Markdown table for each size. Simulated, so the figures do not depend on the machine. Links:
 * everybody to everybody; gossip over them as `Network` models it.
 */
export function* scaleTable({ sizes, lossPerMille }: ScaleInit): Generator<string> {
  yield* HEADER;
  for (const size of sizes) {
    const { instances, traffic, join, limit, death, falseDeaths, imbalance } = measureScale({
      instances: size,
      lossPerMille,
    });
    const cells = [
      instances,
      `${(traffic.meanBytesPerS / 1000).toFixed(2)} / ${(traffic.maxBytesPerS / 1000).toFixed(2)}`,
      traffic.messagesPerS.toFixed(1),
      formatSpread(join),
      formatSpread(limit),
      formatSpread(death),
      falseDeaths,
      imbalance.toFixed(2),
    ];
    yield `| ${cells.join(' | ')} |`;
  }
}

function formatSpread({ p50, p99, max }: Spread): string {
  return [p50, p99, max].map((ms) => (ms === Number.POSITIVE_INFINITY ? 'never' : (ms / 1000).toFixed(2))).join(' / ');
}
