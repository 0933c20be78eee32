/** What an idle instance costs. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { recordFigure } from './harness/figures.ts';
import { usePools } from './harness/pool.ts';
import { scaled } from './harness/scale.ts';
import { needs, until } from './harness/until.ts';

const createPool = usePools();
const NAMES = ['a', 'b', 'c'];
/** The first seconds go to compiling what runs most. */
const SETTLE_MS = 10_000;
/** One look at the processor time. Of several the least counts: others on the machine make the same work dearer, never cheaper. */
const LOOK_MS = 5000;
const LOOKS = scaled({ usual: 3, full: 12 });
const RESIDENT_MB_MAX = 150;
const PROCESSOR_PERCENT_MAX = 2;
/** Linux counts processor time in hundredths of a second (USER_HZ, proc(5)). */
const TICK_MS = 10;

describe.skipIf(process.platform !== 'linux')(
  'an idle instance in a pool of three (reads /proc, which Linux has)',
  () => {
    it('keeps less than 150 MB resident and takes less than 2 % of a processor', {
      timeout: 60_000 + SETTLE_MS + LOOKS * LOOK_MS,
    }, async () => {
      const pool = createPool({ maxInstances: 3, bootstrap: NAMES });
      const instances = pool.startAll(NAMES);
      await untilAgreed(instances, { holders: NAMES });
      const processIds = instances.map(({ processId }) => processId);
      await untilPassed(SETTLE_MS);
      const looks: (readonly number[])[] = [];
      for (let look = 0; look < LOOKS; look++) looks.push(await processorPercents(processIds));
      const percent = processIds.map((_, index) => Math.min(...looks.map((values) => values[index] ?? Number.NaN)));
      const figure = { file: 'footprint' };
      const memory = recordFigure({
        ...figure,
        what: 'idle, pool of three: resident',
        unit: 'MB',
        values: processIds.map(residentMb),
        target: '150 MB',
      });
      const time = recordFigure({
        ...figure,
        what: 'idle, pool of three: of one processor',
        unit: '%',
        values: percent,
        target: '2 %',
      });
      expect(memory.max).toBeLessThan(RESIDENT_MB_MAX);
      expect(time.max).toBeLessThan(PROCESSOR_PERCENT_MAX);
    });
  },
);

/** What is measured is time that passes with nothing to do. */
function untilPassed(durationMs: number): Promise<void> {
  const beganAtMs = performance.now();
  return until('the time has passed', { within: durationMs + 10_000, every: 500 }, () => {
    needs(performance.now() - beganAtMs >= durationMs, 'not yet');
  });
}

function residentMb(processId: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${processId}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

async function processorPercents(processIds: readonly number[]): Promise<readonly number[]> {
  const beganAtMs = performance.now();
  const before = processIds.map(processorMs);
  await untilPassed(LOOK_MS);
  const elapsedMs = performance.now() - beganAtMs;
  return processIds.map((id, index) => ((processorMs(id) - (before[index] ?? 0)) / elapsedMs) * 100);
}

/** User and system time; they follow the process's name, which may hold anything. */
function processorMs(processId: number): number {
  const text = readFileSync(`/proc/${processId}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
