import { GatewayError } from '../base/errors.ts';

/** Pure: what a generated password has to look like. */

/** `length,upper,lower,digits,symbols[,allowed]`: the least number of each class, and the symbols that may be used. */
export interface Complexity {
  readonly length: number;
  readonly upper: number;
  readonly lower: number;
  readonly digits: number;
  readonly symbols: number;
  readonly allowed: string;
}

/** Longest password asked for: some systems cut off beyond 72 bytes (bcrypt), most take 128. */
export const PASSWORD_LENGTH_MAX = 128;
/** Shortest that is worth rotating to. */
export const PASSWORD_LENGTH_MIN = 8;
/** Without spaces and without the quotes, backslashes and dollars that people lose in shells and configuration files. */
export const SYMBOLS_DEFAULT = '!#%()*+,-./:;<=>?@[]^_{|}~';

/** Where a record says nothing: 128 bits and more. */
export const COMPLEXITY_DEFAULT: Complexity = {
  length: 24,
  upper: 2,
  lower: 2,
  digits: 2,
  symbols: 2,
  allowed: SYMBOLS_DEFAULT,
};

const FORM = 'length,upper,lower,digits,symbols[,allowed]';

/** Reads `20,4,4,4,4` or `20,4,4,4,4,!#-`; a comma among the allowed symbols stands for itself. Throws `bad-usage`. */
export function parseComplexity(text: string): Complexity {
  const match = /^(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})(?:,(.+))?$/.exec(text);
  if (match === null) throw refused(text, `it is not of the form ${FORM}`);
  const [length = 0, upper = 0, lower = 0, digits = 0, symbols = 0] = match.slice(1, 6).map(Number);
  const allowed = [...new Set(match[6] ?? SYMBOLS_DEFAULT)].join('');
  const needed = upper + lower + digits + symbols;
  if (length < PASSWORD_LENGTH_MIN || length > PASSWORD_LENGTH_MAX)
    throw refused(text, `the length is ${PASSWORD_LENGTH_MIN} to ${PASSWORD_LENGTH_MAX}`);
  if (needed > length) throw refused(text, `${needed} characters of given classes do not fit into ${length}`);
  if (needed === 0) throw refused(text, 'at least one class is needed');
  if (!/^[!-/:-@[-`{-~]+$/.test(allowed)) throw refused(text, 'only printable ASCII symbols may be allowed');
  return { length, upper, lower, digits, symbols, allowed };
}

/** The form that `parseComplexity` reads. */
export function formatComplexity({ length, upper, lower, digits, symbols, allowed }: Complexity): string {
  return [length, upper, lower, digits, symbols, allowed].join(',');
}

function refused(text: string, why: string): GatewayError {
  return new GatewayError('bad-usage', `password complexity "${text}": ${why}`, {
    remedy: `Give ${FORM}, for example 24,2,2,2,2 or 20,4,4,4,1,!-_`,
  });
}
