/** Expected text in files: what a person sees, kept as it is seen. `UPDATE=1` writes the files anew, to be read before they are committed. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { createPalette } from '../../src/cli/frame/palette.ts';
import type { Style } from '../../src/cli/frame/terminal.ts';
import { NOW_UNIX_MS } from '../api/pool.ts';

/** A style without colour for a terminal of this width. */
export function styleOf(width: number, changes: Partial<Style> = {}): Style {
  return { palette: createPalette(false), width, nowUnixMs: NOW_UNIX_MS, verbose: false, ...changes };
}

/** Compares text with the file beside the test. */
export function expectGolden(text: string, file: URL): void {
  const path = fileURLToPath(file);
  if (process.env['UPDATE'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}
