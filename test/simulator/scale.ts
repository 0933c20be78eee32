/**
 * `node test/simulator/scale.ts [--sizes 10,100,1000] [--loss-per-mille 10]`: what a pool costs and how fast news travels in it, by size. Simulated, so the figures do not
 * depend on the machine. Links: everybody to everybody up to 64 each; gossip over them as `Network` models it.
 */
import { parseArgs } from 'node:util';
import { measureScale } from './scale-measure.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10,100,1000' },
    'loss-per-mille': { type: 'string', default: '10' },
  },
});

const rows = values.sizes
  .split(',')
  .map((size) => measureScale({ instances: Number(size), lossPerMille: Number(values['loss-per-mille']) }));
const spread = ({ p50, p99, max }: { readonly p50: number; readonly p99: number; readonly max: number }): string =>
  [p50, p99, max].map((ms) => (ms === Number.POSITIVE_INFINITY ? 'never' : `${(ms / 1000).toFixed(2)}`)).join(' / ');

console.log(
  '| instances | KB/s sent per instance (mean / max) | messages/s | join known, s (p50 / p99 / max) | limit known, s | death known, s | false deaths | burst: max / mean |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
for (const row of rows) {
  const { instances, traffic, join, limit, death, falseDeaths, imbalance } = row;
  const bytes = `${(traffic.meanBytesPerS / 1000).toFixed(2)} / ${(traffic.maxBytesPerS / 1000).toFixed(2)}`;
  console.log(
    `| ${instances} | ${bytes} | ${traffic.messagesPerS.toFixed(1)} | ${spread(join)} | ${spread(limit)} | ${spread(death)} | ${falseDeaths} | ${imbalance.toFixed(2)} |`,
  );
}
