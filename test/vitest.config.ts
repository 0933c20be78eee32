/** How the tests run: see `README.md` beside this file. */

import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Set by `.ci/run`: a test that is skipped has then failed, and the results are also written to a file. */
const skippingForbidden = process.env['PAM_TEST_NO_SKIP'] === '1';
const outputFile = process.env['PAM_TEST_REPORT'];

/** Milliseconds. Starting and ending a pool of real processes on a busy machine; hooks wait for events, not for this. */
const HOOK_TIMEOUT_MS = 60_000;

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    pool: 'forks',
    reporters: [
      'default',
      ...(skippingForbidden ? ['./test/reporters/no-skip.ts'] : []),
      ...(outputFile === undefined ? [] : [['json', { outputFile }] satisfies [string, object]]),
    ],
    coverage: { provider: 'v8', include: ['src/**/*.ts'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/bench/*.test.ts'],
          testTimeout: 10_000,
          hookTimeout: HOOK_TIMEOUT_MS,
          // One worker would take these files out of their group and put them after all others.
          maxWorkers: Math.max(2, availableParallelism()),
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/bench/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: HOOK_TIMEOUT_MS,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
