/**
 * Scenarios: stories of a pool in plain text (`*.scenario`), each command followed by what an operator would see. `UPDATE=1` writes what the pool does now; read
 * the difference before committing it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { formatScenario, type Passage, parseScenario } from './scenario-text.ts';
import { Stage } from './stage.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.scenario'));

/** The passages with what they print now. */
function played(passages: readonly Passage[]): readonly Passage[] {
  const stage = new Stage();
  return passages.map((passage) => ({
    ...passage,
    expected: passage.commands
      .map((command) => stage.play(command))
      .filter((output) => output !== '')
      .join('\n'),
  }));
}

describe('the pool', () => {
  it.each(files)('%s', (file) => {
    const path = `${folder}${file}`;
    const text = readFileSync(path, 'utf8');
    const found = formatScenario(played(parseScenario(text)));
    if (process.env['UPDATE'] === '1') writeFileSync(path, found);
    else expect(found).toBe(text);
  });

  it('has scenarios', () => expect(files.length).toBeGreaterThanOrEqual(10));
});
