/** A process that appends numbered events to the log of a data directory, one after the other, and says each number once it is acknowledged. */

import { numbered, openLog } from './open-log.ts';

const [directory = '', first = '1', count = '0'] = process.argv.slice(2);
const log = await openLog(directory, { segmentBytesMax: 16 * 1024 });
for (let number = Number(first); number < Number(first) + Number(count); number++) {
  // Some that nobody waits for stand between: they may be lost, what follows them may not.
  log.append({ kind: 'seat-yielded', maxInstances: number });
  await log.appendNow(numbered(number));
  process.stdout.write(`${number}\n`);
}
await log.close();
