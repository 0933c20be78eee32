/** What processes take of the machine, as the kernel counts it (Linux). */

import { readFileSync } from 'node:fs';

/** Memory resident for this process, in MiB. */
export function residentMib(processId: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${processId}/status`, 'utf8'))?.[1];
  if (kib === undefined) throw new Error(`no memory figure for process ${processId}`);
  return Number(kib) / 1024;
}
