import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Complexity,
  formatComplexity,
  PASSWORD_LENGTH_MAX,
  parseComplexity,
  SYMBOLS_DEFAULT,
} from '../../../src/wire/password-complexity.ts';
import { below, generatePassword } from '../../../src/workloads/rotation/generate-password.ts';

const least = fc.integer({ min: 0, max: 8 });
const complexity: fc.Arbitrary<Complexity> = fc
  .record({ upper: least, lower: least, digits: least, symbols: least, spare: fc.integer({ min: 0, max: 60 }) })
  .filter(({ upper, lower, digits, symbols }) => upper + lower + digits + symbols > 0)
  .map(({ spare, ...classes }) => {
    const needed = classes.upper + classes.lower + classes.digits + classes.symbols;
    return { ...classes, length: Math.max(8, needed + spare), allowed: SYMBOLS_DEFAULT };
  });

function count(password: string, pattern: RegExp): number {
  return password.match(pattern)?.length ?? 0;
}

describe('a generated password', () => {
  it('has the length, the least of every class, and nothing of a class that was not asked for', () => {
    fc.assert(
      fc.property(complexity, (wanted) => {
        const password = generatePassword(wanted, randomBytes);
        const counts = {
          upper: count(password, /[A-Z]/g),
          lower: count(password, /[a-z]/g),
          digits: count(password, /[0-9]/g),
          symbols: count(password, /[^A-Za-z0-9]/g),
        };
        expect(password).toHaveLength(wanted.length);
        for (const name of ['upper', 'lower', 'digits', 'symbols'] as const) {
          expect(counts[name]).toBeGreaterThanOrEqual(wanted[name]);
          if (wanted[name] === 0) expect(counts[name]).toBe(0);
        }
        expect([...password].every((one) => /[A-Za-z0-9]/.test(one) || wanted.allowed.includes(one))).toBe(true);
      }),
    );
  });

  it('is without bias: every symbol as often as any other, at every place', () => {
    const [rounds, length] = [4000, 10];
    const wanted = parseComplexity(`${length},1,0,1,0`);
    const places = Array.from({ length }, () => 0);
    const seen = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      [...generatePassword(wanted, randomBytes)].forEach((one, place) => {
        seen.set(one, (seen.get(one) ?? 0) + 1);
        if (/[0-9]/.test(one)) places[place] = (places[place] ?? 0) + 1;
      });
    }
    // Five standard deviations of a binomial distribution: one run in a million fails by chance.
    const digits = [...'0123456789'].map((one) => seen.get(one) ?? 0);
    expect(spread(digits)).toBeLessThan(5);
    expect(spread(places)).toBeLessThan(5);
  });

  it('draws without the bias of a remainder', () => {
    const bytes = [255, 254, 250, 249];
    const drawn = below(10, () => Uint8Array.of(bytes.shift() ?? 0));
    expect([drawn, bytes.length]).toEqual([9, 0]);
  });
});

/** How far the outermost is from the mean, in standard deviations of a count. */
function spread(counts: readonly number[]): number {
  const mean = counts.reduce((sum, one) => sum + one, 0) / counts.length;
  return Math.max(...counts.map((one) => Math.abs(one - mean) / Math.sqrt(mean)));
}

describe('a complexity', () => {
  it('is read as it is written', () => {
    fc.assert(
      fc.property(complexity, (wanted) => {
        expect(parseComplexity(formatComplexity(wanted))).toEqual(wanted);
      }),
    );
    expect(parseComplexity('20,4,4,4,4').allowed).toBe(SYMBOLS_DEFAULT);
    expect(parseComplexity('20,4,4,4,4,!,-').allowed).toBe('!,-');
  });

  it.each([
    ['20,4,4,4', 'form'],
    ['20;4;4;4;4', 'form'],
    ['7,1,1,1,1', '8 to 128'],
    [`${PASSWORD_LENGTH_MAX + 1},1,1,1,1`, '8 to 128'],
    ['8,4,4,4,4', '16 characters'],
    ['8,0,0,0,0', 'at least one class'],
    ['20,4,4,4,4,a', 'symbols'],
    ['20,4,4,4,4, ', 'symbols'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => parseComplexity(text)).toThrow(why);
  });
});
