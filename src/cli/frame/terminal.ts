import { createPalette, type Palette } from './palette.ts';

/** How text for people is laid out. */
export interface Style {
  readonly palette: Palette;
  /** Columns that a line may have. */
  readonly width: number;
  /** Wall clock that relative times count from. */
  readonly nowUnixMs: number;
  /** Whole ids and everything else that the short form leaves out. */
  readonly verbose: boolean;
}

/** The person or script in front of a command: results go to stdout, everything else to stderr. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the command: Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** The result, as text. */
  print(text: string): void;
  /** The result as the one JSON document of the command. `line` keeps it on one line for programs that read line by line. */
  printJson(document: unknown, options?: { readonly line?: boolean }): void;
  /** Progress and remarks. */
  note(text: string): void;
  style(options?: { readonly verbose?: boolean | undefined }): Style;
}

/** Width of everything that is no terminal: wide enough that nothing is left out. */
const WIDTH_WITHOUT_TERMINAL = 160;
const WIDTH_MIN = 40;

/** The terminal of this process. */
export function createTerminal(signal: AbortSignal): Terminal {
  const { env, stdout, stderr } = process;
  // A reader that has seen enough, such as `head`, is no failure.
  for (const stream of [stdout, stderr]) stream.on('error', endQuietly);
  return {
    env,
    signal,
    print: (text) => void stdout.write(`${text}\n`),
    printJson: (document, { line = false } = {}) =>
      void stdout.write(`${JSON.stringify(document, undefined, line || !stdout.isTTY ? undefined : 2)}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    style: ({ verbose } = {}) => ({
      palette: createPalette(isColoured(stdout, env)),
      width: chooseWidth(stdout, verbose === true),
      nowUnixMs: Date.now(),
      verbose: verbose === true,
    }),
  };
}

/** Whoever asks for everything gets whole ids, even if the terminal has to wrap the lines. */
function chooseWidth(stream: { readonly isTTY?: boolean; readonly columns?: number }, verbose: boolean): number {
  if (verbose) return Number.POSITIVE_INFINITY;
  return stream.isTTY === true ? Math.max(WIDTH_MIN, stream.columns ?? 0) : WIDTH_WITHOUT_TERMINAL;
}

/** Colours only where a person looks, and not where they said no (no-color.org). */
function isColoured(stream: { readonly isTTY?: boolean }, env: Terminal['env']): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}
