/** Our own chooser: real machines of the core in simulated time, each of them entry and worker. */

import { SmallPool } from '../../core/jobs/small-pool.ts';
import { Farm, type FarmFigures, type Manner } from './farm.ts';
import type { Arrival } from './trace.ts';

/** Memory for sessions of each instance: far more than a trace needs. */
const BUDGET_KIB = 64 * 1024 * 1024;
/** Time in which everything has ended. */
const REST_MS = 120_000;

/** Runs a trace. Throws if a job is not accepted. */
export function runMachines(
  trace: readonly Arrival[],
  { workers, manner, seed }: { readonly workers: number; readonly manner: Manner; readonly seed: number },
): FarmFigures {
  const pool = new SmallPool({ instances: workers, seed, budgetKib: [BUDGET_KIB] }).form();
  const farm = new Farm(pool, manner, workers);
  let accepted = 0;
  for (const arrival of trace) {
    pool.after(arrival.atMs, () => {
      const entry = pool.at(arrival.entry);
      const { jobId, sealed } = pool.request(entry, { kind: arrival.kind });
      pool.submit(entry, sealed, (answer) => {
        if (answer.kind !== 'accepted') throw new Error(`job ${jobId} was answered ${JSON.stringify(answer)}`);
        accepted += 1;
        const worker = pool.withId(answer.worker);
        if (arrival.kind === 'tunnel') pool.openSession(worker, jobId);
        farm.take(worker.number, arrival, () => pool.end(worker, jobId));
        farm.look();
      });
    });
  }
  pool.run((trace.at(-1)?.atMs ?? 0) + REST_MS);
  if (accepted < trace.length) throw new Error(`${trace.length - accepted} of ${trace.length} jobs were not accepted`);
  return farm.figures();
}
