/** Processes that do nothing but use processor time. */

import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach } from 'vitest';

/** Starts as many as asked for; they end with the test. */
export function useBurners(): (count: number) => void {
  const burners: ChildProcess[] = [];
  const end = (): void => {
    for (const burner of burners.splice(0)) burner.kill('SIGKILL');
  };
  process.on('exit', end);
  afterEach(end);
  return (count) => {
    for (let started = 0; started < count; started++) {
      burners.push(spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' }));
    }
  };
}
