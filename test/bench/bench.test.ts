/** The smoke size of every part: it is there, it runs to its end, and gives figures. What the figures say is for the full run. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PARTS } from './parts.ts';
import { describeMachine, formatPart, writeResults } from './report.ts';
import { runPart } from './run-part.ts';

const PART_MS = 120_000;

describe.skipIf(process.platform !== 'linux')('the benchmark (reads /proc, which Linux has)', () => {
  it.each(PARTS.map((part) => [part.name, part] as const))('measures %s', { timeout: PART_MS }, async (_name, part) => {
    const result = await runPart(part, { isSmoke: true, runs: 1, say: () => undefined });
    expect(result.error).toBeNull();
    const figures = result.report?.rows.flatMap((row) => row.figures) ?? [];
    expect(figures.length).toBeGreaterThan(0);
    for (const { median } of figures) expect(median).toBeGreaterThanOrEqual(0);
    expect(formatPart(result).length).toBeGreaterThan(figures.length > 0 ? 1 : 0);
    const folder = mkdtempSync(join(tmpdir(), 'pam-bench-'));
    try {
      const written = writeResults(folder, describeMachine(), [result]);
      expect(written).toContain('results.json');
      for (const name of written.filter((one) => one.endsWith('.svg')))
        expect(readFileSync(join(folder, name), 'utf8')).toMatch(/^<svg .+<polyline .+<\/svg>\n$/s);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
