/**
 * `npm run bench -- [PART…] [--smoke] [--runs N] [--out FOLDER]`: measures the product beside what people would use instead, on this machine, in one run.
 * Prints a table per part, ratios first, and writes `results.json`, the table and an SVG per growth curve into FOLDER (`bench-results` unless said).
 */

import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { PARTS } from './parts.ts';
import { describeMachine, formatPart, namesOf, writeResults } from './report.ts';
import { runPart } from './run-part.ts';

const command = new Command('npm run bench --')
  .description('Measures the product beside what people would use instead, on this machine, in one run.')
  .argument('[PART...]', `what to measure: ${namesOf(PARTS)}; all of it unless said`, part, [])
  .option('--smoke', 'a size that shows that everything works', false)
  .option('--runs <N>', 'paired runs of every measurement: 5, and 1 with --smoke', counted)
  .option('--out <FOLDER>', 'where the results go', 'bench-results')
  .parse();
const values = command.opts<{ readonly smoke: boolean; readonly runs?: number; readonly out: string }>();
const [wanted = []] = command.processedArgs as [(readonly string[])?];
const runs = values.runs ?? (values.smoke ? 1 : 5);

const machine = describeMachine();
const chosen = PARTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
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

function part(name: string, before: readonly string[]): readonly string[] {
  if (PARTS.some((one) => one.name === name)) return [...before, name];
  throw new InvalidArgumentError(`There are ${namesOf(PARTS)}.`);
}

function counted(text: string): number {
  const runs = Number(text);
  if (Number.isInteger(runs) && runs >= 1) return runs;
  throw new InvalidArgumentError('It is no whole number above 0.');
}
