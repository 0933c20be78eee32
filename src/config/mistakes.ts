import { type ErrorCode, GatewayError } from '../base/errors.ts';

/** One thing that is wrong in a configuration. */
export interface Mistake {
  /** Where: the file and the path in it, the flag, or the environment variable. */
  readonly where: string;
  /** What is wrong, with the value unless it is a secret. No full stop. */
  readonly problem: string;
  /** What to do about it, as a sentence. */
  readonly remedy: string;
}

/** A configuration with at least one mistake; all of them are in the message. */
export class ConfigError extends GatewayError {
  readonly mistakes: readonly Mistake[];

  /** `code` is `bad-config` unless the mistakes are in what was typed. Carries no cause: a parser's message may quote a secret. */
  constructor(mistakes: readonly Mistake[], code: ErrorCode = 'bad-config') {
    const [only, ...more] = mistakes;
    const single = only !== undefined && more.length === 0;
    super(code, formatMistakes(mistakes), single && only.remedy !== '' ? { remedy: only.remedy } : {});
    this.mistakes = mistakes;
  }
}

/** Throws all mistakes, if there are any. */
export function refuseMistakes(mistakes: readonly Mistake[], code: ErrorCode = 'bad-config'): void {
  if (mistakes.length > 0) throw new ConfigError(mistakes, code);
}

/** One mistake is a line without its remedy, which the error carries; several are a list with theirs. */
function formatMistakes(mistakes: readonly Mistake[]): string {
  const [only, ...more] = mistakes;
  if (only === undefined) return 'no mistake';
  if (more.length === 0) return formatMistake(only);
  const lines = mistakes.map((mistake) => `  ${formatMistake(mistake)}. ${mistake.remedy}`.trimEnd());
  return [`${mistakes.length} mistakes in the configuration:`, ...lines].join('\n');
}

/** A flag reads on as a sentence (`--max-instances must be at least 1`), everything else is a place. */
function formatMistake({ where, problem }: Mistake): string {
  return where.startsWith('--') ? `${where} ${problem}` : `${where}: ${problem}`;
}

const SHOWN_LENGTH_MAX = 60;

/** A value as error messages show it: short, on one line, and only its kind where it has parts, which might be secrets in the wrong place. */
export function showValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}… (${text.length - 2} characters)`;
}

/** The known name that was probably meant, as the end of a sentence; empty if none is near. */
export function suggestName(name: string, known: readonly string[]): string {
  const distances = known.map((candidate) => ({ candidate, distance: editDistance(name, candidate) }));
  const nearest = distances.sort((left, right) => left.distance - right.distance)[0];
  const near = nearest !== undefined && nearest.distance <= Math.min(2, Math.floor(name.length / 3));
  return near ? nearest.candidate : '';
}

const COMPARED_LENGTH_MAX = 64;

/** Levenshtein distance; texts longer than any name we know are not compared. */
function editDistance(left: string, right: string): number {
  if (left.length > COMPARED_LENGTH_MAX) return COMPARED_LENGTH_MAX;
  let above = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    above = current;
  }
  return above[right.length] ?? 0;
}
