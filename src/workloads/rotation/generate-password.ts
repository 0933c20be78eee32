import { assert } from '../../base/assert.ts';
import type { Complexity } from '../../wire/password-complexity.ts';

/** Pure: passwords from bytes of the caller's random source. */

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';

/** So many bytes of a cryptographic random source. */
export type RandomBytes = (count: number) => Uint8Array;

/**
 * A password that satisfies the complexity. The least number of each class is drawn from the class, the rest from all classes that are asked for, and
 * the whole is shuffled: every place is equally likely to hold every class, and every draw is without bias.
 */
export function generatePassword(complexity: Complexity, random: RandomBytes): string {
  const classes = [
    { characters: UPPER, least: complexity.upper },
    { characters: LOWER, least: complexity.lower },
    { characters: DIGITS, least: complexity.digits },
    { characters: complexity.allowed, least: complexity.symbols },
  ].filter(({ least }) => least > 0);
  const all = classes.map(({ characters }) => characters).join('');
  const drawn = classes.flatMap(({ characters, least }) =>
    Array.from({ length: least }, () => pick(characters, random)),
  );
  while (drawn.length < complexity.length) drawn.push(pick(all, random));
  return shuffled(drawn, random).join('');
}

/** A whole number below `bound`, each equally likely: bytes beyond the last whole multiple are drawn again. */
export function below(bound: number, random: RandomBytes): number {
  assert(bound > 0 && bound <= 256, 'one byte decides');
  const limit = 256 - (256 % bound);
  for (;;) {
    const [byte = 0] = random(1);
    if (byte < limit) return byte % bound;
  }
}

function pick(characters: string, random: RandomBytes): string {
  return characters.charAt(below(characters.length, random));
}

/** Fisher and Yates. */
function shuffled(items: readonly string[], random: RandomBytes): readonly string[] {
  const list = [...items];
  for (let last = list.length - 1; last > 0; last--) {
    const other = below(last + 1, random);
    [list[last], list[other]] = [list[other] ?? '', list[last] ?? ''];
  }
  return list;
}
