/**
 * Prints `PASSED FAILED` for the test report (vitest's JSON) whose path is the argument. Failed is whatever did not pass: a
 * skipped test, a file that could not be loaded, an error outside of every test, and a report that is not there.
 */

import { readFileSync } from 'node:fs';

const { passed, failed } = count(process.argv[2] ?? '');
process.stdout.write(`${passed} ${failed}\n`);

/** @param {string} file */
function count(file) {
  const report = read(file);
  if (report === undefined) return { passed: 0, failed: 1 };
  const passed = report.numPassedTests;
  const failed = report.numTotalTests - passed + report.testResults.filter(isUnloaded).length;
  return { passed, failed: failed === 0 && !report.success ? 1 : failed };
}

/**
 * @typedef {{ readonly status: string, readonly assertionResults: readonly unknown[] }} FileResult
 * @typedef {{ readonly success: boolean, readonly numTotalTests: number, readonly numPassedTests: number, readonly testResults: readonly FileResult[] }} Report
 */

/**
 * @param {string} file
 * @returns {Report | undefined}
 */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {FileResult} result */
function isUnloaded({ status, assertionResults }) {
  return status === 'failed' && assertionResults.length === 0;
}
