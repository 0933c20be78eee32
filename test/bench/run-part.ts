/** Runs one part with an end for everything it has started. */

import type { Bench, Part } from './part.ts';
import type { PartResult } from './report.ts';

/** Never throws: what went wrong is in the result. */
export async function runPart(part: Part, surroundings: Omit<Bench, 'defer'>): Promise<PartResult> {
  const closers: (() => Promise<unknown> | unknown)[] = [];
  const beganAtMs = performance.now();
  surroundings.say(`${part.name}: ${part.title}`);
  const about = (): Pick<PartResult, 'name' | 'title' | 'elapsedMs'> => ({
    name: part.name,
    title: part.title,
    elapsedMs: Math.round(performance.now() - beganAtMs),
  });
  try {
    const report = await part.run({ ...surroundings, defer: (close) => closers.push(close) });
    return { ...about(), report, error: null };
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ...about(), report: null, error: reason };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}
