import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClipboardFilter } from '../../../../src/workloads/connection/ssh/clipboard-filter.ts';

/** What of a text is shown that comes in pieces of this size. */
function shown(text: string, pieceBytes = 1000): string {
  const filter = new ClipboardFilter();
  const bytes = Buffer.from(text);
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, at) =>
    filter.take(bytes.subarray(at * pieceBytes, (at + 1) * pieceBytes)),
  );
  return Buffer.concat(pieces).toString();
}

describe('a terminal’s clipboard', () => {
  it.each([
    ['set, ended by a bell', 'a\x1b]52;c;aGVsbG8=\x07b', 'ab'],
    ['set, ended by a terminator', 'a\x1b]52;c;aGVsbG8=\x1b\\b', 'ab'],
    ['asked for', 'a\x1b]52;c;?\x07b', 'ab'],
    ['with zeros in front', 'a\x1b]0052;c;aGVsbG8=\x07b', 'ab'],
    ['with more zeros than anybody needs', `a\x1b]${'0'.repeat(40)}52;c;aGVsbG8=\x07b`, 'ab'],
    ['introduced by one character', 'a\u009d52;c;aGVsbG8=\u009cb', 'ab'],
    ['of kitty', 'a\x1b]5522;type=write\x07b', 'ab'],
    ['of iTerm2', 'a\x1b]1337;CopyToClipboard=\x07b', 'ab'],
    ['through tmux', 'a\x1bPtmux;\x1b\x1b]52;c;aGVsbG8=\x07\x1b\\b', 'a\x1bPtmux;\x1b\x1b\\b'],
    ['right after another', '\x1b]52;c;YQ==\x07\x1b]52;c;YQ==\x07b', 'b'],
    ['made of what stands around another', 'a\x1b]5\x1b]52;c;YQ==\x072;c;b', 'a\x1b]52;c;b'],
    ['broken off', 'a\x1b]52;c;aGVs\x18b', 'ab'],
  ])('is not written: %s', (_, text, expected) => {
    for (const pieceBytes of [1000, 1]) expect(shown(text, pieceBytes).replaceAll('\x18', '')).toBe(expected);
  });

  it.each([
    ['a title', '\x1b]0;title\x07'],
    ['a link', '\x1b]8;;https://example.org/52;c;\x1b\\'],
    ['colours', '\x1b[38;5;52mred\x1b[0m'],
    ['characters of the same bytes', '“52;c”Ý\u0080é'],
    ['an escape before text', '\x1b52;c;x\x07'],
  ])('is left alone by %s', (_, text) => {
    expect(shown(`${text}.`)).toBe(`${text}.`);
    expect(shown(`${text}.`, 1)).toBe(`${text}.`);
  });

  it('is told apart wherever the pieces are cut, and everything else passes', () => {
    const part = fc.constantFrom(
      '\x1b',
      '\x1b\\',
      ']',
      '52;',
      '0',
      ';c;',
      '\x07',
      'é',
      '\u009d',
      'x',
      '\x1b]52;c;YQ==\x07',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), fc.integer({ min: 1, max: 5 }), (parts, size) => {
        const text = `${parts.join('')}\x18end`;
        expect(shown(text, size)).toBe(shown(text));
        expect(
          shown(text)
            .split('\x1b]')
            .slice(1)
            .some((rest) => /^0*52;/.test(rest)),
        ).toBe(false);
      }),
    );
  });
});
