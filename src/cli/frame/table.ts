/** Pure: aligned tables that fit the terminal. */
import { stripColour } from './palette.ts';
import { printable } from './text.ts';

/** One column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** The column that gives way first has the highest number; columns without one stay. Too narrow still: text is cut at the end. */
  readonly dropOrder?: number;
  /** The least width to which its text may be cut; unset: never cut. */
  readonly cutTo?: number;
  /** Colours a finished cell; layout is done before, on plain text. */
  readonly paint?: (cell: string, row: number) => string;
}

/** A table with its cells as plain text. */
export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  /** Columns of the terminal. */
  readonly width: number;
  /** Colours the line of titles. */
  readonly paintTitle?: (line: string) => string;
}

const GAP = '  ';

interface Placed {
  readonly column: Column;
  readonly index: number;
  readonly width: number;
}

/** The table's lines, without trailing spaces. */
export function formatTable({ columns, rows, width, paintTitle = (line) => line }: Table): readonly string[] {
  const cells = rows.map((row) => row.map(printable));
  const natural = columns.map((column, index) => ({
    column,
    index,
    width: Math.max(textWidth(column.title), ...cells.map((row) => textWidth(row[index] ?? ''))),
  }));
  const placed = cutToFit(dropToFit(natural, width), width);
  const title = placed.map(({ column, width: room }) => pad(column.title, room, column.align)).join(GAP);
  const lines = cells.map((row, number) =>
    placed.map((place) => formatCell(row[place.index] ?? '', place, number)).join(GAP),
  );
  return [paintTitle(title.trimEnd()), ...lines.map(trimPainted)];
}

function formatCell(cell: string, { column, width }: Placed, row: number): string {
  const text = pad(cut(cell, width), width, column.align);
  return column.paint === undefined ? text : column.paint(text, row);
}

function dropToFit(placed: readonly Placed[], width: number): readonly Placed[] {
  const wanted = leastWidth(placed);
  const droppable = placed.filter(({ column }) => column.dropOrder !== undefined);
  if (wanted <= width || droppable.length === 0) return placed;
  const first = droppable.reduce((most, place) =>
    (place.column.dropOrder ?? 0) > (most.column.dropOrder ?? 0) ? place : most,
  );
  return dropToFit(
    placed.filter((place) => place !== first),
    width,
  );
}

/** Takes from the widest column that may be cut, one character at a time, until all fit. */
function cutToFit(placed: readonly Placed[], width: number): readonly Placed[] {
  let over = totalWidth(placed.map((place) => place.width)) - width;
  const widths = placed.map((place) => place.width);
  while (over > 0) {
    let widest = -1;
    placed.forEach(({ column }, index) => {
      const room = (widths[index] ?? 0) - (column.cutTo ?? Number.POSITIVE_INFINITY);
      if (room > 0 && (widest < 0 || (widths[index] ?? 0) > (widths[widest] ?? 0))) widest = index;
    });
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    over -= 1;
  }
  return placed.map((place, index) => ({ ...place, width: widths[index] ?? place.width }));
}

function leastWidth(placed: readonly Placed[]): number {
  return totalWidth(
    placed.map(({ column, width }) => Math.min(width, Math.max(column.cutTo ?? width, textWidth(column.title)))),
  );
}

function totalWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP.length * Math.max(0, widths.length - 1);
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

function pad(text: string, width: number, align: Column['align'] = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - textWidth(text)));
  return align === 'right' ? space + text : text + space;
}

function textWidth(text: string): number {
  return [...text].length;
}

/** Spaces at the end of a line, even inside the colour of its last cell, only make copied text ugly. */
function trimPainted(line: string): string {
  if (stripColour(line) === line) return line.trimEnd();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
  return line.replace(/\s+((?:\u001b\[\d+m)*)$/, '$1');
}
