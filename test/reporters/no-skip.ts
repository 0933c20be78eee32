/**
 * Turns a skipped test into a failure. A machine that is meant to run everything must not pass by running less; elsewhere a
 * test that needs a tool the machine lacks may skip.
 */

import type { Reporter, TestModule } from 'vitest/node';

/** Vitest loads a reporter by its file's default export. */
export default class NoSkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].map((test) => `${module.relativeModuleId}: ${test.fullName}`),
    );
    if (skipped.length === 0) return;
    process.stderr.write(
      `${skipped.length} skipped where skipping is forbidden:\n${skipped.map((name) => `  ${name}\n`).join('')}`,
    );
    process.exitCode = 1;
  }
}
