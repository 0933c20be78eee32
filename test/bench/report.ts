/** How results are shown and kept: ratios first. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { formatTable } from '../../src/cli/frame/table.ts';
import { drawPlot } from './measure/plot.ts';
import type { Row } from './measure/rows.ts';
import type { Part, PartReport } from './part.ts';

/** A part and what it measured, or why it could not. */
export interface PartResult {
  readonly name: string;
  readonly title: string;
  readonly report: PartReport | null;
  readonly error: string | null;
  readonly elapsedMs: number;
}

/** The machine the figures belong to. */
export interface Machine {
  readonly processors: number;
  readonly model: string;
  readonly memoryMib: number;
  readonly system: string;
  readonly node: string;
  readonly loadBefore: number;
}

/** Wide enough for every row: results go to files as often as to a terminal. */
const WIDTH = 200;

/** This machine, now. */
export function describeMachine(): Machine {
  const [first] = cpus();
  return {
    processors: cpus().length,
    model: first?.model.trim() ?? 'unknown',
    memoryMib: Math.round(totalmem() / 1024 / 1024),
    system: `${process.platform} ${release()}`,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
  };
}

/** The lines of one part. */
export function formatPart({ title, report, error, elapsedMs }: PartResult): readonly string[] {
  const head = `${title}  (${(elapsedMs / 1000).toFixed(0)} s)`;
  if (report === null) return [head, `  not measured: ${error}`];
  const rows = report.rows.map((row) => [ratiosOf(row), row.what, figuresOf(row), row.unit, aimOf(row)]);
  const table = formatTable({
    columns: [{ title: 'RATIO' }, { title: 'WHAT' }, { title: 'MEDIANS' }, { title: 'UNIT' }, { title: 'AIM' }],
    rows,
    width: WIDTH,
  });
  return [head, ...table.map((line) => `  ${line}`), ...(report.notes ?? []).map((note) => `  ${note}`)];
}

/** The rows that have somebody beside them or an aim, as a table for the README. */
export function formatSummary(results: readonly PartResult[]): readonly string[] {
  const rows = results
    .flatMap(({ report }) => report?.rows ?? [])
    .filter(({ ratios, aim }) => ratios.length > 0 || aim !== null)
    .map((row) => `| ${[ratiosOf(row), row.what, figuresOf(row), row.unit, aimOf(row)].join(' | ')} |`);
  return ['| ratio | what | medians | unit | aim |', '| --- | --- | --- | --- | --- |', ...rows];
}

/** Writes everything: `results.json`, the table as text and as a summary for the README, one SVG per plot. Answers the names of the files. */
export function writeResults(folder: string, machine: Machine, results: readonly PartResult[]): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return name;
  };
  const plots = results.flatMap(({ report }) => report?.plots ?? []);
  return [
    write(
      'results.json',
      `${JSON.stringify({ machine, takenAt: new Date().toISOString(), parts: results }, null, 2)}\n`,
    ),
    write('summary.md', `${formatSummary(results).join('\n')}\n`),
    write('table.txt', `${results.flatMap((result) => [...formatPart(result), '']).join('\n')}\n`),
    ...plots.map((plot) => write(`${plot.name}.svg`, drawPlot(plot))),
  ];
}

/** Names of the parts, for whoever mistypes one. */
export function namesOf(parts: readonly Part[]): string {
  return parts.map(({ name }) => name).join(', ');
}

function ratiosOf({ ratios }: Row): string {
  return ratios.map(({ to, median }) => `${formatFigure(median)} × ${to}`).join(', ') || '–';
}

function figuresOf({ figures }: Row): string {
  return figures.map(({ name, median }) => `${name} ${formatFigure(median)}`).join(', ');
}

function aimOf({ aim }: Row): string {
  return aim === null ? '' : `${aim.text} ${aim.isMet ? 'met' : 'MISSED'}`;
}

/** Three digits that count. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}
