/**
 * `npm run bench -- [PART…] [--smoke] [--runs N] [--out FOLDER]`: measures the product beside what people would use instead, on this machine, in one run.
 * Prints a table per part, ratios first, and writes `results.json`, the table and an SVG per growth curve into FOLDER (`bench-results` unless said).
 */

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PARTS } from './parts.ts';
import { describeMachine, formatPart, namesOf, writeResults } from './report.ts';
import { runPart } from './run-part.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean', default: false },
    runs: { type: 'string' },
    out: { type: 'string', default: 'bench-results' },
  },
});

const unknown = positionals.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) {
  process.stderr.write(`no part "${unknown.join('", "')}"; there are ${namesOf(PARTS)}\n`);
  process.exit(2);
}
const runs = Number(values.runs ?? (values.smoke ? 1 : 5));
if (!Number.isInteger(runs) || runs < 1) {
  process.stderr.write(`--runs ${values.runs} is no whole number above 0\n`);
  process.exit(2);
}

const machine = describeMachine();
const chosen = PARTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const results = [];
for (const part of chosen) {
  const result = await runPart(part, { isSmoke: values.smoke, runs, say: (line) => process.stderr.write(`${line}\n`) });
  results.push(result);
  process.stdout.write(`${formatPart(result).join('\n')}\n\n`);
}
const files = writeResults(resolve(values.out), machine, results);
process.stderr.write(`${files.join(', ')} in ${resolve(values.out)}\n`);
// A part that could not be measured is a failure; an aim that was missed is a result.
process.exit(results.some(({ error }) => error !== null) ? 1 : 0);
