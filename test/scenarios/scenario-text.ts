/** One step of a scenario: commands, and what they are expected to print. */
export interface Passage {
  /** Comment lines before the commands, kept as they are. */
  readonly comment: readonly string[];
  readonly commands: readonly string[];
  readonly expected: string;
}

const SEPARATOR = '----';

/**
 * Parses a scenario: passages separated by blank lines, each with comment lines (`#`), commands, a line `----`, and the expected output. A passage of comments
 * alone is text for the reader.
 */
export function parseScenario(text: string): readonly Passage[] {
  return text
    .split(/\n{2,}/)
    .map((passage) => passage.split('\n').filter((line) => line !== ''))
    .filter((lines) => lines.length > 0)
    .map((lines) => {
      const comment = lines.filter((line) => line.startsWith('#'));
      const rest = lines.filter((line) => !line.startsWith('#'));
      const separator = rest.indexOf(SEPARATOR);
      if (separator < 0) return { comment, commands: rest, expected: '' };
      return { comment, commands: rest.slice(0, separator), expected: rest.slice(separator + 1).join('\n') };
    });
}

/** The text of a scenario; parsing it gives the same passages. */
export function formatScenario(passages: readonly Passage[]): string {
  const blocks = passages.map(({ comment, commands, expected }) => {
    const output = commands.length === 0 ? [] : expected === '' ? [SEPARATOR] : [SEPARATOR, expected];
    return [...comment, ...commands, ...output].join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
}
