import { describe, expect, it } from 'vitest';
import { createPalette } from '../../../src/cli/frame/palette.ts';
import { formatTable } from '../../../src/cli/frame/table.ts';

const columns = [
  { title: '#', align: 'right' },
  { title: 'NAME', cutTo: 4 },
  { title: 'EXTRA', dropOrder: 1 },
  { title: 'MORE', dropOrder: 2 },
] as const;
const rows = [
  ['1', 'a-rather-long-name', 'x', 'yy'],
  ['10', 'b', 'xxxxxxx', ''],
];

describe('a table', () => {
  it('is as wide as what it holds', () => {
    expect(formatTable({ columns, rows, width: 80 })).toEqual([
      ' #  NAME                EXTRA    MORE',
      ' 1  a-rather-long-name  x        yy',
      '10  b                   xxxxxxx',
    ]);
  });

  it('first cuts what may be cut, as long as all columns then fit', () => {
    expect(formatTable({ columns, rows, width: 30 })).toEqual([
      ' #  NAME         EXTRA    MORE',
      ' 1  a-rather-l…  x        yy',
      '10  b            xxxxxxx',
    ]);
  });

  it('then leaves columns out, the highest number first', () => {
    expect(formatTable({ columns, rows, width: 20 })[0]).toBe(' #  NAME     EXTRA');
    expect(formatTable({ columns, rows, width: 12 })).toEqual([' #  NAME', ' 1  a-rathe…', '10  b']);
  });

  it('keeps the least even where that is too wide', () => {
    expect(formatTable({ columns, rows, width: 1 })).toEqual([' #  NAME', ' 1  a-r…', '10  b']);
  });

  it('has only titles without rows', () => {
    expect(formatTable({ columns, rows: [], width: 80 })).toEqual(['#  NAME  EXTRA  MORE']);
  });

  it('aligns characters, not bytes, and shows control characters as such', () => {
    const lines = formatTable({
      columns: [{ title: 'A' }, { title: 'B' }],
      rows: [
        ['ü→', '1'],
        ['\u001b[2J', '2'],
      ],
      width: 80,
    });
    expect(lines).toEqual(['A     B', 'ü→    1', '\ufffd[2J  2']);
  });

  it('lays out painted cells like plain ones', () => {
    const { good } = createPalette(true);
    const [, line] = formatTable({
      columns: [{ title: 'STATE', paint: good }, { title: 'X' }],
      rows: [['ok', '1']],
      width: 80,
    });
    expect(line).toBe('\u001b[32mok   \u001b[39m  1');
  });
});
