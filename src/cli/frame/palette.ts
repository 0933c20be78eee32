/** Pure: colours of the terminal. Without colour every function gives back its text, so that a table is laid out alike. */
export interface Palette {
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
  faint(text: string): string;
  strong(text: string): string;
}

const paint =
  (open: number, close: number) =>
  (text: string): string =>
    text === '' ? '' : `\u001b[${open}m${text}\u001b[${close}m`;
const same = (text: string): string => text;

/** The palette of a terminal (`coloured`) or of everything else. */
export function createPalette(coloured: boolean): Palette {
  if (!coloured) return { good: same, warning: same, bad: same, faint: same, strong: same };
  return { good: paint(32, 39), warning: paint(33, 39), bad: paint(31, 39), faint: paint(2, 22), strong: paint(1, 22) };
}

/** The text without colours. */
export function stripColour(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
  return text.replace(/\u001b\[\d+m/g, '');
}
