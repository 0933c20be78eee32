/** Several instances at one instant: who is admitted, and that all see it alike. */

import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { recordFigure } from './harness/figures.ts';
import type { Ending, Instance } from './harness/instance.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { scaled, timeFor } from './harness/scale.ts';
import { needs, until } from './harness/until.ts';

const createPool = usePools();
const ROUNDS = scaled({ usual: 3, full: 20 });
/** A refused instance must have said so by then. */
const REFUSED_MS = 10_000;

/** Every other time they have loaded beforehand and begin within milliseconds; else within as much as the machine needs to load them. */
async function startAtOnce(pool: Pool, names: readonly string[], round: number): Promise<readonly Instance[]> {
  return round % 2 === 0 ? pool.startTogether(names) : pool.startAll(names);
}

/** From the moment at which the last of them could speak to the moment at which the last of them was admitted. */
function formingMs(instances: readonly Instance[]): number {
  const times = (event: string): readonly number[] =>
    instances.flatMap((instance) => instance.logged(event).map(({ unixMs }) => unixMs));
  return Math.max(...times('admitted')) - Math.max(...times('listening'));
}

describe('instances started at the same instant', () => {
  it('are all admitted in one order when there is room for all', timeFor(ROUNDS, 15_000), async () => {
    const took: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const pool = createPool({ maxInstances: 3, bootstrap: ['a', 'b', 'c'] });
      const instances = await startAtOnce(pool, ['a', 'b', 'c'], round);
      const { holders } = await untilAgreed(instances, { holders: ['a', 'b', 'c'] });
      expect(holders).toHaveLength(3);
      took.push(formingMs(instances));
      await pool.end();
    }
    recordFigure({
      file: 'forming',
      what: '3 at once, limit 3: all admitted after the last one listens',
      unit: 'ms',
      values: took,
    });
  });

  it(
    'are admitted up to the limit, the same ones in every view; the others are refused with exit code 3',
    timeFor(ROUNDS, 20_000),
    async () => {
      const took: number[] = [];
      const refusedAfter: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const pool = createPool({ maxInstances: 3, bootstrap: ['a', 'b', 'c', 'd', 'e'] });
        const instances = await startAtOnce(pool, ['a', 'b', 'c', 'd', 'e'], round);
        const endings = await untilTwoEnd(instances);
        expect(endings).toHaveLength(2);
        const admitted = instances.filter(({ isRunning }) => isRunning);
        const { holders } = await untilAgreed(admitted, { holders: admitted.map(({ name }) => name) });
        for (const { code, lastLine, afterMs, sinceListeningMs, stderr } of endings) {
          expect(code).toBe(3);
          expect(lastLine).toMatch(/^Maximum instances reached: 3 of 3 \(this instance would be rank [34]\)$/);
          for (const name of holders) expect(stderr).toContain(`seat held by ${name} (`);
          expect(sinceListeningMs).toBeLessThan(REFUSED_MS);
          refusedAfter.push(afterMs);
        }
        took.push(formingMs(admitted));
        await pool.end();
      }
      recordFigure({
        file: 'forming',
        what: '5 at once, limit 3: three admitted after the last one listens',
        unit: 'ms',
        values: took,
      });
      recordFigure({
        file: 'forming',
        what: '5 at once, limit 3: two refused, from the start of the process',
        unit: 'ms',
        values: refusedAfter,
        target: '10000 ms',
      });
    },
  );
});

interface Refusal extends Ending {
  readonly stderr: string;
  /** How long loading the program takes is the machine's affair. */
  readonly sinceListeningMs: number;
}

function untilTwoEnd(instances: readonly Instance[]): Promise<readonly Refusal[]> {
  return until('two of five end', { within: 60_000 }, async () => {
    const ended = instances.filter(({ isRunning }) => !isRunning);
    needs(ended.length >= 2, `${ended.length} have ended`);
    return Promise.all(ended.map(refusalOf));
  });
}

async function refusalOf(instance: Instance): Promise<Refusal> {
  const ending = await instance.ended;
  const listeningUnixMs = instance.logged('listening')[0]?.unixMs ?? Number.NaN;
  return { ...ending, stderr: instance.lines.join('\n'), sinceListeningMs: ending.endedUnixMs - listeningUnixMs };
}
