import { describe, expect, it } from 'vitest';
import {
  parseDuration,
  parseLabel,
  parseNumber,
  parseText,
  parseWord,
  requireFlag,
} from '../../../src/cli/frame/flags.ts';

function refusal(work: () => unknown): { readonly code: string; readonly message: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return { code: String(error.code), message: error.message };
    throw error;
  }
  throw new Error('was not refused');
}

describe('values of flags', () => {
  it.each(['0', '65535', '+1', '007'])('takes the number %s', (text) => {
    expect(parseNumber(text, { flag: '--port', min: 0, max: 65_535 })).toBe(Number(text));
  });

  it.each(['', '-1', '65536', '1.5', '1e3', '0x10', ' 1', '1 ', 'NaN', 'Infinity', '9'.repeat(30)])(
    'refuses the number "%s"',
    (text) => {
      const found = refusal(() => parseNumber(text, { flag: '--port', min: 0, max: 65_535 }));
      expect(found).toEqual({ code: 'bad-usage', message: `--port: "${text}" is not a whole number from 0 to 65535` });
    },
  );

  it.each([
    ['30s', 30_000],
    ['10m', 600_000],
    ['8h', 28_800_000],
    ['7d', 604_800_000],
  ])('takes the duration %s', (text, ms) => expect(parseDuration(text, '--expires')).toBe(ms));

  it.each(['', '0s', '8', 'h', '-8h', '1.5h', '8 h', '8w', '9999999d'])('refuses the duration "%s"', (text) => {
    expect(refusal(() => parseDuration(text, '--expires')).message).toBe(`--expires: "${text}" is not a duration`);
  });

  it('names the words to choose from', () => {
    expect(refusal(() => parseWord('xml', '--format', ['table', 'json'])).message).toBe(
      '--format: "xml" is none of table, json',
    );
  });

  it.each(['', '  ', 'a\nb', 'a\u0000', 'x'.repeat(11)])('refuses the text %j', (text) => {
    expect(refusal(() => parseText(text, { flag: '--title', max: 10 })).code).toBe('bad-usage');
  });

  it.each(['', 'key', '=value', 'key='])('refuses the label "%s"', (text) => {
    expect(refusal(() => parseLabel(text, '--label')).message).toBe(`--label: "${text}" is not KEY=VALUE`);
  });

  it('keeps later equal signs in a label', () =>
    expect(parseLabel('a=b=c', '--label')).toEqual({ key: 'a', value: 'b=c' }));

  it.each([undefined, ''])('asks for what is missing (%j)', (value) => {
    expect(refusal(() => requireFlag(value, '--name', 'pam …')).message).toBe('--name is missing');
  });
});
