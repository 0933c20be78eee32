/** Processor time of programs, as the kernel counts it (Linux). */

import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second (USER_HZ, proc(5)). */
const TICK_MS = 10;

/** Of these processes and all that descend from them, in milliseconds; children that have ended and were waited for count too. */
export function processorMs(roots: readonly number[]): number {
  const processes = readProcesses();
  const wanted = new Set(roots);
  for (let grown = -1; grown !== wanted.size; ) {
    grown = wanted.size;
    for (const [id, { parent }] of processes) if (wanted.has(parent)) wanted.add(id);
  }
  return [...wanted].reduce((sum, id) => sum + (processes.get(id)?.ms ?? 0), 0);
}

function readProcesses(): ReadonlyMap<number, { readonly parent: number; readonly ms: number }> {
  const found = new Map<number, { readonly parent: number; readonly ms: number }>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + (fields[index] ?? 0), 0);
      found.set(Number(name), { parent: fields[1] ?? 0, ms: ticks * TICK_MS });
    } catch {
      // It ended between the two reads.
    }
  }
  return found;
}
