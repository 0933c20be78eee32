/** Pure: values of flags. Each function throws `bad-usage` that names the flag, the value and what is expected. */
import { GatewayError } from '../../base/errors.ts';

/** Bounds of a number on the command line. */
export interface NumberBounds {
  readonly flag: string;
  readonly min: number;
  readonly max: number;
}

/** A whole number between the bounds, both included. */
export function parseNumber(text: string, { flag, min, max }: NumberBounds): number {
  const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new GatewayError('bad-usage', `${flag}: "${text}" is not a whole number from ${min} to ${max}`);
}

/** One of a fixed list of words. */
export function parseWord<const W extends string>(text: string, flag: string, words: readonly W[]): W {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new GatewayError('bad-usage', `${flag}: "${text}" is none of ${words.join(', ')}`);
}

/** A duration such as `30s`, `10m`, `8h` or `7d`, in milliseconds. */
export function parseDuration(text: string, flag: string): number {
  const found = /^(\d{1,6})(s|m|h|d)$/.exec(text);
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[found?.[2] ?? ''];
  const value = Number(found?.[1]);
  if (unitMs !== undefined && value > 0) return value * unitMs;
  throw new GatewayError('bad-usage', `${flag}: "${text}" is not a duration`, {
    remedy: 'Write for example 30s, 10m, 8h or 7d.',
  });
}

/** The value of a flag that a command cannot do without. */
export function requireFlag(value: string | undefined, flag: string, example: string): string {
  if (value !== undefined && value !== '') return value;
  throw missingFlag(flag, example);
}

/** The error of a command that lacks a flag. */
export function missingFlag(flag: string, example: string): GatewayError {
  return new GatewayError('bad-usage', `${flag} is missing`, { remedy: `Type for example: ${example}` });
}

/** For a flag that may be given more than once. */
export function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

/** Text of a bounded length without control characters. */
export function parseText(text: string, { flag, max }: { readonly flag: string; readonly max: number }): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (text.trim() !== '' && text.length <= max && !/[\u0000-\u001f\u007f\ufeff]/.test(text)) return text;
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  throw new GatewayError(
    'bad-usage',
    `${flag}: ${JSON.stringify(shown)} is wrong; expected 1 to ${max} characters without control characters`,
  );
}

/** A label, `KEY=VALUE`. */
export function parseLabel(text: string, flag: string): { readonly key: string; readonly value: string } {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new GatewayError('bad-usage', `${flag}: "${text}" is not KEY=VALUE`);
  return { key: text.slice(0, at), value: text.slice(at + 1) };
}
